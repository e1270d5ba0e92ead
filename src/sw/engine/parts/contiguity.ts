/**
 * Ranges on the bus: translation with the width of the kernel's type, the walk over pages, alignment to size.
 *
 * Source: D0 (dma_capable must walk); Linux drivers/xen/swiotlb-xen.c, range_straddles_page_boundary and
 * range_requires_alignment; commit e17b2f114cba for the width.
 */
import { frameBytes, pfn } from "../../../base/frame.js";
import type { GuestKernel } from "../../xen/guest_kernel.js";
import type { EngineParts } from "./parts.js";

const pageBytes = frameBytes;

/** @returns the bus address of a physical one as this kernel computes it, or -1. */
export function busOf(parts: EngineParts, phys: number): number {
  const bus = parts.guest.physToBus(phys);
  return bus < 0 || parts.rules.busBits >= 53 ? bus : bus % 2 ** parts.rules.busBits;
}

/** Are two neighbouring frames of the range no neighbours on the bus, or unknown there? */
export function straddles(guest: GuestKernel, phys: number, size: number): boolean {
  const low = phys % pageBytes;
  if (low + size <= pageBytes) return false;
  let at = phys - low;
  let bus = guest.physToBus(at);
  for (const end = phys + size; at + pageBytes < end; ) {
    at += pageBytes;
    const next = guest.physToBus(at);
    if (next < 0 || next !== bus + pageBytes) return true;
    bus = next;
  }
  return false;
}

/** A range that is aligned to its size, rounded up to a power of two of pages, and on the bus is not. */
export function losesAlignment(guest: GuestKernel, phys: number, size: number): boolean {
  const bytes = 2 ** orderOf(size) * pageBytes;
  return phys % bytes === 0 && guest.physToBus(phys) % bytes !== 0;
}

/** Order of the smallest power of two of pages that holds `size` bytes. Source: get_order. */
export function orderOf(size: number): number {
  let order = 0;
  for (let bytes = pageBytes; bytes < size; bytes *= 2) order++;
  return order;
}

/** Does any page of a range belong to another domain? */
export function anyForeign(guest: GuestKernel, phys: number, size: number): boolean {
  const last = Math.floor((phys + size - 1) / pageBytes);
  for (let page = Math.floor(phys / pageBytes); page <= last; page++) if (guest.isForeign(pfn(page))) return true;
  return false;
}
