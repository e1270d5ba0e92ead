/**
 * A bounce pool that devices can use: each segment of 256 KiB made contiguous below the fewest address bits that can
 * be had, which stay for the segments after it.
 * Source: Linux drivers/xen/swiotlb-xen.c (xen_swiotlb_fixup; SX44's retries in xen_swiotlb_init).
 */
import { frameBytes, type Pfn } from "../../../base/frame.js";
import { poolFixup } from "../../../spec/xen/limits.js";
import type { GuestKernel } from "../guest_kernel.js";
import type { Guest } from "./guest.js";

const pageBytes = frameBytes;
const segmentPages = 2 ** poolFixup.order;
const smallest = 2 * 1024 * 1024;

/** @returns the address bits of the last segment, or null when one could not be made contiguous. */
export function fixPool(kernel: GuestKernel, phys: number, bytes: number): number | null {
  let bits: number = poolFixup.firstBits;
  for (let at = 0; at < bytes; at += segmentPages * pageBytes) {
    while (!kernel.createContiguous(phys + at, poolFixup.order, bits).ok) {
      if (++bits > poolFixup.lastBits) return null;
    }
  }
  return bits;
}

export interface XenPool {
  readonly first: Pfn;
  readonly bytes: number;
  readonly bits: number;
  /** What the kernel printed on the way. */
  readonly lines: readonly string[];
}

/**
 * Memory for a pool, fixed; halved up to three times, not below 2 MiB, when that fails.
 * @returns null when there is no pool at all.
 */
export function makePool(guest: Guest, bytes: number): XenPool | null {
  const lines: string[] = [];
  let size = bytes;
  for (let tries = 0; ; tries++) {
    // Before 2021 the buffer was aligned to a page only, and the exchange was ill-formed.
    const align = guest.h.bugs["unaligned-exchange"] ? 1 : segmentPages;
    const first = guest.allocRun(size / pageBytes, align);
    const bits = first === null ? null : fixPool(guest, first * pageBytes, size);
    if (first !== null && bits !== null) return { first, bytes: size, bits, lines };
    if (first !== null) guest.pages.giveRun(first, size / pageBytes);
    if (tries === 3 || size / 2 < smallest) return null;
    lines.push("Failed to get contiguous memory for DMA from Xen!");
    size /= 2;
  }
}
