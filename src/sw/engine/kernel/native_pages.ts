/**
 * A guest's free pages: blocks of powers of two, split and merged; the lowest block that fits is taken, so that a run
 * repeats exactly.
 *
 * Source: the order and alignment that Linux mm/page_alloc.c promises; its choice among blocks is not modelled.
 */
import { Misuse } from "../../../base/assert.js";
import type { PageHole } from "../../xen/guest_kernel.js";

export class NativePages {
  /** First pages of free blocks, by order, ascending. */
  readonly #free: number[][] = [];
  /** Order of each block that is given out, by its first page. */
  readonly #given = new Map<number, number>();
  #left = 0;

  /** Pages first to end - 1 are free, those from `hole.first` to `hole.end` - 1 excepted. */
  constructor(first: number, end: number, hole: PageHole | null = null) {
    const { first: holeFirst, end: holeEnd } = hole ?? { first: end, end };
    this.#begin(first, Math.min(end, holeFirst));
    this.#begin(Math.max(first, holeEnd), end);
  }

  get pagesLeft(): number {
    return this.#left;
  }

  /** @param last the highest page that may be given. @returns the first of 2^order pages, or -1. */
  allocate(order: number, last = Number.POSITIVE_INFINITY): number {
    const count = 2 ** order;
    let from = -1;
    let best = Number.POSITIVE_INFINITY;
    for (let o = order; o < this.#free.length; o++) {
      const lowest = this.#free[o]![0];
      if (lowest !== undefined && lowest < best) [from, best] = [o, lowest];
    }
    if (from < 0 || best + count - 1 > last) return -1;
    this.#free[from]!.shift();
    for (let o = from - 1; o >= order; o--) this.#insert(o, best + 2 ** o);
    this.#given.set(best, order);
    this.#left -= count;
    return best;
  }

  /** @throws Misuse `page-free` for pages that were not given out like this. */
  release(first: number, order: number): void {
    if (this.#given.get(first) !== order)
      throw new Misuse("page-free", `page ${first} of order ${order} is not given out`);
    this.#given.delete(first);
    this.#left += 2 ** order;
    let [at, o] = [first, order];
    for (; ; o++) {
      const size = 2 ** o;
      const buddy = at % (2 * size) === 0 ? at + size : at - size;
      const list = this.#list(o);
      const k = indexOf(list, buddy);
      if (list[k] !== buddy) break;
      list.splice(k, 1);
      at = Math.min(at, buddy);
    }
    this.#insert(o, at);
  }

  /** A run of free pages above those before. */
  #begin(first: number, end: number): void {
    for (let at = first; at < end; ) {
      let order = 0;
      while (at % 2 ** (order + 1) === 0 && at + 2 ** (order + 1) <= end) order++;
      this.#list(order).push(at);
      at += 2 ** order;
    }
    this.#left += Math.max(0, end - first);
  }

  #insert(order: number, first: number): void {
    const list = this.#list(order);
    list.splice(indexOf(list, first), 0, first);
  }

  #list(order: number): number[] {
    while (this.#free.length <= order) this.#free.push([]);
    return this.#free[order]!;
  }
}

/** Where a number stands, or would stand, in an ascending list. */
function indexOf(list: readonly number[], n: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < n) low = middle + 1;
    else high = middle;
  }
  return low;
}
