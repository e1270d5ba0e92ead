/**
 * Pages that never had a frame, made a section at a time above all memory.
 * Source: Linux drivers/xen/unpopulated-alloc.c (fill_list: the section's entries are invalid before it is used).
 */
import type { Pfn } from "../../../base/frame.js";
import { sectionPages } from "../../../spec/xen/limits.js";
import { pageLimit } from "../hypervisor/cpu_map.js";
import type { Guest } from "./guest.js";

export class Unpopulated {
  readonly #guest: Guest;
  readonly #section: number;
  readonly #free: Pfn[] = [];
  #next: number;

  /** @param section pages that are made at once */
  constructor(guest: Guest, section = sectionPages) {
    this.#guest = guest;
    this.#section = section;
    const end = guest.ramFirst + guest.ramCount;
    // One to one, a number that is a machine frame could be a device's: beyond all memory nothing is.
    this.#next = roundUp(guest.d.rules.oneToOne ? guest.h.frames.count : end, section);
  }

  /** @returns null when page numbers end. */
  take(count: number): Pfn[] | null {
    while (this.#free.length < count) if (!this.#fill()) return null;
    return this.#free.splice(this.#free.length - count);
  }

  give(pages: readonly Pfn[]): void {
    this.#free.push(...pages);
  }

  #fill(): boolean {
    const end = this.#next + this.#section;
    if (end > pageLimit(this.#guest.h)) return false;
    this.#guest.p2m?.grow(Math.min(end, this.#guest.p2mMax));
    for (let page = end - 1; page >= this.#next; page--) this.#free.push(page as Pfn);
    this.#next = end;
    return true;
  }
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;
