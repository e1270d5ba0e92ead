/**
 * The balloon: pages without frames, whose frames went back to the hypervisor.
 * Source: Linux drivers/xen/balloon.c (decrease_reservation, increase_reservation, alloc_xenballooned_pages).
 */
import { frameBytes, type Pfn } from "../../../base/frame.js";
import { decrease, populate } from "../hypervisor/populate.js";
import type { Guest } from "./guest.js";

const pageBytes = frameBytes;

export class Balloon {
  readonly #guest: Guest;
  /** Pages that are out; the last one in is the first one used. */
  readonly #out: Pfn[] = [];
  /** Pages of the balloon that are lent as stand-ins for foreign ones: the target does not count them. */
  targetUnpopulated = 0;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  get size(): number {
    return this.#out.length;
  }

  /** A free page, scrubbed, whose frame is to go. @returns null when there is none */
  takeOut(): Pfn | null {
    const page = this.#guest.allocPages(0);
    if (page !== null) this.#guest.memory.write(page * pageBytes, new Uint8Array(pageBytes));
    return page;
  }

  /** The frame of a page that was taken out is gone. */
  isOut(page: Pfn): void {
    this.#out.push(page);
  }

  /** A frame under one page that is out, which is memory again and the caller's. @returns null when none can be had */
  regain(): Pfn | null {
    const page = this.#out.at(-1);
    if (page === undefined) return null;
    const [frame] = populate(this.#guest.h, this.#guest.d, [page]);
    if (frame === undefined) return null;
    this.#out.pop();
    this.#mapped(page, frame);
    return page;
  }

  /** Give frames of free pages away, scrubbed. @returns how many pages went out. */
  inflate(count: number): number {
    for (let n = 0; n < count; n++) {
      const page = this.takeOut();
      if (page === null) return n;
      const frame = this.#guest.gfnOf(page);
      this.#guest.p2m?.invalidate(page);
      if (!this.#guest.d.rules.translated) this.#guest.h.setMapping(this.#guest.d, page, -1);
      if (decrease(this.#guest.h, this.#guest.d, [frame]) === 0) return this.#keep(page, frame, n);
      this.#out.push(page);
    }
    return count;
  }

  /** Take frames back under pages that are out. @returns how many pages are memory again. */
  deflate(count: number): number {
    const pages = this.#out.splice(Math.max(0, this.#out.length - count));
    const frames = populate(this.#guest.h, this.#guest.d, pages);
    pages.forEach((page, n) => {
      const frame = frames[n];
      if (frame === undefined) this.#out.push(page);
      else this.#populated(page, frame);
    });
    return frames.length;
  }

  /** Pages without frames, to stand in for foreign ones. @returns null when they cannot be had; nothing is lent then. */
  lend(count: number): Pfn[] | null {
    this.targetUnpopulated += count;
    const missing = count - this.#out.length;
    if (missing > 0 && this.inflate(missing) < missing) {
      this.targetUnpopulated -= count;
      return null;
    }
    return this.#out.splice(this.#out.length - count);
  }

  takeBack(pages: readonly Pfn[]): void {
    this.targetUnpopulated -= pages.length;
    this.#out.push(...pages);
  }

  #populated(page: Pfn, frame: number): void {
    this.#mapped(page, frame);
    this.#guest.freePages(page, 0);
  }

  #mapped(page: Pfn, frame: number): void {
    if (!this.#guest.d.rules.translated) this.#guest.h.setMapping(this.#guest.d, page, frame);
    this.#guest.p2m?.set(page, frame);
  }

  /** The hypervisor did not take it: it stays memory of ours. */
  #keep(page: Pfn, frame: number, count: number): number {
    this.#populated(page, frame);
    return count;
  }
}
