/**
 * A guest's page allocator: blocks of 2^order pages aligned to their size, split and joined in pairs.
 * Source: Linux mm/page_alloc.c (binary buddies), reduced to one zone.
 */
import { assert } from "../../../base/assert.js";
import type { Pfn } from "../../../base/frame.js";
import { pageOrderMax } from "../../../spec/xen/limits.js";

const nil = -1;
const taken = 255;
const inside = 254;

export class Buddy {
  readonly #first: number;
  /** Of the first page of a free block its order; `taken` or `inside` of others. Index: page - first. */
  readonly #order: Uint8Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #heads = new Int32Array(pageOrderMax + 1).fill(nil);
  freePages = 0;

  /** All pages begin as taken. */
  constructor(first: number, count: number) {
    this.#first = first;
    this.#order = new Uint8Array(count).fill(taken);
    this.#next = new Int32Array(count).fill(nil);
    this.#previous = new Int32Array(count).fill(nil);
  }

  /** @returns the first page, or null when no block is that large. */
  take(order: number): Pfn | null {
    let from = order;
    while (from <= pageOrderMax && this.#heads[from] === nil) from++;
    if (from > pageOrderMax || order < 0) return null;
    const at = this.#heads[from]!;
    this.#unlink(at, from);
    for (; from > order; from--) this.#link(at + 2 ** (from - 1), from - 1);
    this.#order.fill(taken, at, at + 2 ** order);
    this.freePages -= 2 ** order;
    return (this.#first + at) as Pfn;
  }

  give(first: number, order: number): void {
    let at = first - this.#first;
    const size = 2 ** order;
    assert(at >= 0 && at + size <= this.#order.length, "a block that is given back is of this memory");
    for (let n = at; n < at + size; n++) assert(this.#order[n] === taken, "a page that is given back was taken");
    this.freePages += size;
    this.#order.fill(inside, at, at + size);
    for (let o = order; ; o++) {
      const span = 2 ** o;
      const buddy = ((at + this.#first) ^ span) - this.#first;
      const joins = o < pageOrderMax && buddy >= 0 && buddy + span <= this.#order.length && this.#order[buddy] === o;
      if (!joins) {
        this.#link(at, o);
        return;
      }
      this.#unlink(buddy, o);
      at = Math.min(at, buddy);
    }
  }

  /** A run of any length, the lowest there is, beginning at a multiple of `align`. @returns null when there is none. */
  takeRun(count: number, align: number): Pfn | null {
    const end = this.#order.length;
    let at = (align - (this.#first % align)) % align;
    while (at + count <= end) {
      let length = 0;
      while (length < count && this.#order[at + length] !== taken) length++;
      if (length === count) break;
      at += Math.ceil((length + 1) / align) * align;
    }
    if (at + count > end) return null;
    for (let page = at; page < at + count; page++) if (this.#order[page] !== taken) this.#carve(page, at, at + count);
    return (this.#first + at) as Pfn;
  }

  /** Give back a run of any length. */
  giveRun(first: number, count: number): void {
    for (let page = first; page < first + count; page++) this.give(page, 0);
  }

  /** Take the block around a page, and give back what of it lies outside from..to. */
  #carve(page: number, from: number, to: number): void {
    let order = 0;
    const head = (o: number) => page - ((page + this.#first) % 2 ** o);
    while (head(order) < 0 || this.#order[head(order)] !== order) order++;
    const first = head(order);
    const end = first + 2 ** order;
    this.#unlink(first, order);
    this.#order.fill(taken, first, end);
    this.freePages -= 2 ** order;
    for (let n = first; n < end; n++) if (n < from || n >= to) this.give(this.#first + n, 0);
  }

  #link(at: number, order: number): void {
    const head = this.#heads[order]!;
    this.#order[at] = order;
    this.#next[at] = head;
    this.#previous[at] = nil;
    if (head !== nil) this.#previous[head] = at;
    this.#heads[order] = at;
  }

  #unlink(at: number, order: number): void {
    const next = this.#next[at]!;
    const previous = this.#previous[at]!;
    if (previous === nil) this.#heads[order] = next;
    else this.#next[previous] = next;
    if (next !== nil) this.#previous[next] = previous;
    this.#order[at] = inside;
  }
}
