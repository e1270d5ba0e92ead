/**
 * Grants of a front end that a back end keeps mapped from one request to the next.
 * Source: Linux drivers/block/xen-blkback/blkback.c (add_persistent_gnt, get_persistent_gnt, purge_persistent_gnt).
 */
import { GrantStatus } from "../../spec/xen/grant_op.js";
import type { ForeignPage, ForeignPages } from "../xen/index.js";

/** Grants that stay mapped at most (xen-blkback.max_persistent_grants). */
const keptMax = 1056;

/** A grant that stays mapped, and whether a request uses it now. */
export interface Kept {
  readonly page: ForeignPage;
  busy: boolean;
}

/** Pages of one request, in order: `own` are unmapped after it, `kept` only let go. */
export interface Reached {
  readonly pages: readonly ForeignPage[];
  readonly own: readonly ForeignPage[];
  readonly kept: readonly Kept[];
}

export class KeptGrants {
  readonly #foreign: ForeignPages;
  /** By reference, the one that was used longest ago first. */
  readonly #kept = new Map<number, Kept>();

  constructor(foreign: ForeignPages) {
    this.#foreign = foreign;
  }

  /**
   * Grants that are mapped already are used again; others are mapped and kept. One that another request uses now is
   * mapped once more, and not kept; neither is anything of a request of which one grant cannot be mapped.
   * @param map maps what is missing, for reading and writing; may stop after the first failure
   */
  reach(refs: readonly number[], map: (refs: readonly number[]) => readonly ForeignPage[]): Reached {
    const kept: Kept[] = [];
    const found = refs.map((ref) => this.#take(ref, kept));
    const missing = refs.filter((_, n) => found[n] === null);
    const fresh = map(missing);
    const failed = fresh.some((p) => p.status !== GrantStatus.okay);
    const own = fresh.filter((page, n) => failed || !this.#keep(missing[n]!, page, kept));
    let next = 0;
    return { pages: found.map((page) => page ?? fresh[next++]!), own, kept };
  }

  /** Unmap all of them. */
  close(): void {
    this.#foreign.unmap([...this.#kept.values()].map((k) => k.page));
    this.#kept.clear();
  }

  #take(ref: number, kept: Kept[]): ForeignPage | null {
    const k = this.#kept.get(ref);
    if (k === undefined || k.busy) return null;
    k.busy = true;
    this.#kept.delete(ref);
    this.#kept.set(ref, k);
    kept.push(k);
    return k.page;
  }

  /** @returns false for a grant that is not kept: it is kept already, or all that are kept are in use. */
  #keep(ref: number, page: ForeignPage, kept: Kept[]): boolean {
    if (this.#kept.has(ref)) return false;
    if (this.#kept.size >= keptMax && !this.#dropOldest()) return false;
    const k = { page, busy: true };
    this.#kept.set(ref, k);
    kept.push(k);
    return true;
  }

  #dropOldest(): boolean {
    for (const [ref, k] of this.#kept) {
      if (k.busy) continue;
      this.#kept.delete(ref);
      this.#foreign.unmap([k.page]);
      return true;
    }
    return false;
  }
}
