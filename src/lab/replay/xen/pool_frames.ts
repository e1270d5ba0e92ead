/**
 * The machine frames behind a domain's pool.
 *
 * The pool is one piece in the domain's own addresses; on the machine only each slot set is, because the kernel had
 * each of them exchanged for a contiguous region when it set the pool up. Source: Linux drivers/xen/swiotlb-xen.c,
 * xen_swiotlb_fixup.
 */
import { frameBytes } from "../../../base/frame.js";
import type { P2mTable } from "../../../read/xen/p2m_file.js";
import { setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";

const pageBytes = frameBytes;
export const setPages = (setSlots * slotBytes) / pageBytes;

export interface SlotSets {
  readonly total: number;
  /** Sets whose pages follow each other on the machine, sets where two do not, and sets with a page not known. */
  readonly contiguous: number;
  readonly broken: number;
  readonly unknown: number;
  /** First slots of the first broken sets. */
  readonly brokenAt: readonly number[];
  /** Sets that are followed on the machine by the next one of the pool. */
  readonly inSequence: number;
  /** Lowest and highest machine frame; NaN when none is known. */
  readonly lowest: number;
  readonly highest: number;
}

const brokenMax = 50;

export class PoolFrames implements PoolAddresses {
  readonly start: number;
  readonly slots: number;
  readonly #mfnOf: Float64Array;
  readonly #pageOf = new Map<number, number>();
  /** Pages whose frame was learnt twice and differs. */
  contradictions = 0;

  /** @param start domain's own address of the first slot, at the start of a page */
  constructor(start: number, slots: number) {
    this.start = start;
    this.slots = slots;
    this.#mfnOf = new Float64Array(Math.ceil((slots * slotBytes) / pageBytes)).fill(Number.NaN);
  }

  get known(): number {
    return this.#pageOf.size;
  }

  get pages(): number {
    return this.#mfnOf.length;
  }

  /** `count` pages from the domain's frame `pfn` on have the machine frames from `mfn` on. */
  learn(pfn: number, count: number, mfn: number): void {
    const first = pfn - Math.floor(this.start / pageBytes);
    for (let page = Math.max(0, first); page < Math.min(first + count, this.#mfnOf.length); page++) {
      const frame = mfn + page - first;
      const known = this.#mfnOf[page]!;
      if (!Number.isNaN(known) && known !== frame) this.contradictions++;
      if (!Number.isNaN(known)) continue;
      this.#mfnOf[page] = frame;
      this.#pageOf.set(frame, page);
    }
  }

  learnFrom(p2m: P2mTable): void {
    const first = Math.floor(this.start / pageBytes);
    for (let page = 0; page < this.#mfnOf.length; page++) {
      const mfn = p2m.frame(first + page);
      if (!Number.isNaN(mfn)) this.learn(first + page, 1, mfn);
    }
  }

  /** Pages of the pool whose frame a P2M knows, and those where it says the same. */
  compared(p2m: P2mTable): { readonly compared: number; readonly equal: number } {
    const first = Math.floor(this.start / pageBytes);
    let compared = 0;
    let equal = 0;
    this.#mfnOf.forEach((mfn, page) => {
      const other = p2m.frame(first + page);
      if (Number.isNaN(mfn) || Number.isNaN(other)) return;
      compared++;
      if (mfn === other) equal++;
    });
    return { compared, equal };
  }

  offsetOf(address: number): number {
    const page = this.#pageOf.get(Math.floor(address / pageBytes));
    return page === undefined ? Number.NaN : page * pageBytes + (address % pageBytes);
  }

  addressOf(offset: number): number {
    const mfn = this.#mfnOf[Math.floor(offset / pageBytes)];
    return mfn === undefined ? Number.NaN : mfn * pageBytes + (offset % pageBytes);
  }

  /** Whether one of the domain's own addresses lies in the pool. */
  holds(address: number): boolean {
    return address >= this.start && address < this.start + this.slots * slotBytes;
  }

  sets(): SlotSets {
    const total = Math.ceil(this.#mfnOf.length / setPages);
    const brokenAt: number[] = [];
    let contiguous = 0;
    let broken = 0;
    let inSequence = 0;
    for (let set = 0; set < total; set++) {
      const pages = this.#mfnOf.subarray(set * setPages, (set + 1) * setPages);
      if (pages.some((mfn, p) => p > 0 && Math.abs(mfn - pages[p - 1]! - 1) > 0)) {
        broken++;
        if (brokenAt.length < brokenMax) brokenAt.push(set * setSlots);
      } else if (!pages.some(Number.isNaN)) {
        contiguous++;
        if (this.#mfnOf[(set + 1) * setPages] === pages.at(-1)! + 1) inSequence++;
      }
    }
    const known = this.#mfnOf.filter((mfn) => !Number.isNaN(mfn));
    return {
      ...{ total, contiguous, broken, unknown: total - contiguous - broken, brokenAt, inSequence },
      lowest: known.reduce((a, b) => Math.min(a, b), known[0] ?? Number.NaN),
      highest: known.reduce((a, b) => Math.max(a, b), known[0] ?? Number.NaN),
    };
  }
}
