/**
 * Which caches may hold translations of a domain: tags with users, in a list that unmappings walk. A tag is there before the
 * first entry that leads to the domain, and goes behind the last, so that who unmaps meets every cache that he must tell.
 *
 * Source: Linux drivers/iommu/intel/cache.c of 7.0 (struct cache_tag, cache_tag_assign, cache_tag_unassign,
 * cache_tag_flush_range: what units keep before what devices keep, so that a device that asks again finds nothing old).
 */
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";
import type { Result } from "./errno.js";

export interface CacheTag {
  /** The domain whose translations it may hold. */
  readonly domain: number;
  /** A unit's cache, or a device's. */
  readonly kind: "unit" | "device";
  /** Number by which the unit tells domains apart; of a device's cache 0. */
  readonly id: number;
  /** The device that keeps translations; of a unit's cache 0. */
  readonly device: number;
  readonly pasid: number;
  /** What is kept has gone through another domain as well: pages are not found in it by their address. */
  readonly isNested: boolean;
}

const kinds = ["unit", "device"] as const;
/** Words of one tag, as its cells' description has them. */
export const tagWords = 7;
const Word = { users: 0, domain: 1, kind: 2, id: 3, device: 4, pasid: 5, nested: 6 } as const;

export class CacheTags {
  readonly count: number;
  readonly #words: CellArray;

  /** @param count tags that there can be at a time */
  constructor(state: MachineState, count: number, name = "cache tags") {
    this.count = count;
    this.#words = state.place(
      record(name, { tags: cells(count * tagWords, "of each: users, domain, kind, id, device, PASID, nested") }),
    ).tags;
  }

  /** One user more. @returns ENOMEM where it is not there, and there is no room for it */
  assign(tag: CacheTag): Result {
    const there = this.#find(tag);
    const at = there >= 0 ? there : this.#free();
    if (at < 0) return "ENOMEM";
    if (there < 0) {
      this.#set(at, Word.domain, tag.domain);
      this.#set(at, Word.kind, kinds.indexOf(tag.kind));
      this.#set(at, Word.id, tag.id);
      this.#set(at, Word.device, tag.device);
      this.#set(at, Word.pasid, tag.pasid);
      this.#set(at, Word.nested, tag.isNested ? 1 : 0);
    }
    this.#set(at, Word.users, this.#get(at, Word.users) + 1);
    return null;
  }

  /** One user less. @returns was it the last? Nothing happens where it is not there */
  unassign(tag: CacheTag): boolean {
    const at = this.#find(tag);
    if (at < 0) return false;
    const users = this.#get(at, Word.users) - 1;
    this.#set(at, Word.users, users);
    if (users === 0) for (let n = 1; n < tagWords; n++) this.#set(at, n, 0);
    return users === 0;
  }

  /** Tags of a domain: what units keep first. */
  of(domain: number): readonly CacheTag[] {
    const found: CacheTag[] = [];
    for (const kind of kinds)
      for (let at = 0; at < this.count; at++) {
        if (this.#get(at, Word.users) === 0 || this.#get(at, Word.domain) !== domain) continue;
        if (kinds[this.#get(at, Word.kind)] !== kind) continue;
        const [id, device] = [this.#get(at, Word.id), this.#get(at, Word.device)];
        const [pasid, isNested] = [this.#get(at, Word.pasid), this.#get(at, Word.nested) === 1];
        found.push({ domain, kind, id, device, pasid, isNested });
      }
    return found;
  }

  usersOf(tag: CacheTag): number {
    const at = this.#find(tag);
    return at < 0 ? 0 : this.#get(at, Word.users);
  }

  #find({ domain, kind, id, device, pasid, isNested }: CacheTag): number {
    for (let at = 0; at < this.count; at++) {
      if (this.#get(at, Word.users) === 0) continue;
      if (this.#get(at, Word.domain) !== domain || kinds[this.#get(at, Word.kind)] !== kind) continue;
      if (this.#get(at, Word.id) !== id || this.#get(at, Word.device) !== device) continue;
      if (this.#get(at, Word.pasid) === pasid && this.#get(at, Word.nested) === (isNested ? 1 : 0)) return at;
    }
    return -1;
  }

  #free(): number {
    for (let at = 0; at < this.count; at++) if (this.#get(at, Word.users) === 0) return at;
    return -1;
  }

  #get(at: number, word: number): number {
    return this.#words.get(at * tagWords + word);
  }

  #set(at: number, word: number, to: number): void {
    this.#words.set(at * tagWords + word, to);
  }
}
