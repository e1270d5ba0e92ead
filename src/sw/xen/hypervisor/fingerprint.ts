/**
 * One number for all that a hypervisor and its domains know, memory's bytes aside: two runs that end alike are the same
 * run, as far as 53 bits can tell.
 */
import { u64High } from "../../../base/u64.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";

/** FNV-1a over words, in two halves that begin apart. */
class Fold {
  #a = 0x811c9dc5;
  #b = 0x01000193;

  add(word: number): void {
    for (const half of [word >>> 0, u64High(word) >>> 0]) {
      this.#a = Math.imul(this.#a ^ half, 0x01000193);
      this.#b = Math.imul(this.#b ^ half ^ (this.#a >>> 7), 0x85ebca6b);
    }
  }

  addAll(words: Iterable<number>): void {
    let count = 0;
    for (const word of words) {
      this.add(word);
      count++;
    }
    this.add(count);
  }

  get value(): number {
    return (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11);
  }
}

/** @returns a whole number below 2^53. */
export function fingerprint(h: Hypervisor): number {
  const fold = new Fold();
  const { frames } = h;
  for (const words of [frames.owner, frames.references, frames.allocated, frames.heap]) fold.addAll(words);
  for (const words of [frames.type, frames.typeReferences, frames.m2p]) fold.addAll(words);
  for (const d of h.domains.values()) foldDomain(fold, d);
  return fold.value;
}

function foldDomain(fold: Fold, d: Domain): void {
  fold.addAll([d.id, d.pages, d.grants.version, d.grants.firstFreeHandle]);
  // The map's arrays grow ahead of what is in them.
  for (let page = 0; page < d.map.length; page++) {
    if (d.map.frameOf(page) >= 0) fold.addAll([page, d.map.frameOf(page), d.map.reachOf(page)]);
  }
  fold.addAll(d.grants.shared);
  fold.addAll(d.grants.status);
  for (const t of d.grants.tracked) fold.addAll([t.flags, t.domain, t.ref, t.next]);
  for (const [ref, a] of [...d.grants.active].toSorted(([one], [other]) => one - other)) {
    fold.addAll([ref, a.hostRead, a.hostWrite, a.deviceRead, a.deviceWrite, a.grantee, a.frame]);
    fold.addAll([a.offset, a.length, a.subPage ? 1 : 0, a.passedFrom + 1, a.passedRef + 1]);
  }
}
