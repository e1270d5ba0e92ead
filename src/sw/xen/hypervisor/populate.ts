/**
 * XENMEM_populate_physmap and XENMEM_decrease_reservation: memory in and out of a domain.
 * Source: Xen common/memory.c.
 */
import type { Mfn } from "../../../base/frame.js";
import { invalidM2p } from "../../../spec/xen/p2m_entry.js";
import { isPage } from "./cpu_map.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";

/**
 * A frame for each page.
 * @returns the frames; fewer than asked when memory or the domain's limit ends.
 */
export function populate(h: Hypervisor, d: Domain, pages: readonly number[], bits = 64): Mfn[] {
  h.count("populate_physmap");
  const frames: Mfn[] = [];
  for (const page of pages) {
    if (d.pages >= d.pagesMax || !isPage(h, page)) break;
    const m = h.allocate(d, 0, bits);
    if (m === null) break;
    if (d.rules.translated) h.place(d, page, m);
    else h.frames.m2p[m] = page;
    frames.push(m);
  }
  return frames;
}

/**
 * Give frames back: machine frames of a paravirtualised domain, page numbers of a translated one.
 * @returns how many; it ends at the first that is not the domain's to give.
 */
export function decrease(h: Hypervisor, d: Domain, numbers: readonly number[]): number {
  h.count("decrease_reservation");
  let done = 0;
  for (const number of numbers) {
    const m = givable(h, d, number);
    if (m === null) break;
    unlink(h, d, number, m);
    h.giveUp(m);
    done++;
  }
  return done;
}

/** The frame under a number, if the domain may give it back; null: it may not. */
export function givable(h: Hypervisor, d: Domain, number: number): Mfn | null {
  const m = h.frameOfGfn(d, number) as Mfn;
  return h.frames.givable(m, d.id) ? m : null;
}

/** A frame that is given back: the number means nothing any more. */
export function unlink(h: Hypervisor, d: Domain, number: number, m: Mfn): void {
  if (d.rules.translated) d.map.clear(number);
  h.frames.m2p[m] = invalidM2p;
}
