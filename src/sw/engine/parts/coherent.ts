/** Coherent memory without rearranging: pages that the device reaches as they are, zeroed. Source: dma_direct_alloc. */
import { frameBytes, pfn } from "../../../base/frame.js";
import type { Coherent, DmaDevice } from "../engine.js";
import { busOf, orderOf, straddles } from "./contiguity.js";
import type { EngineParts } from "./parts.js";

const pageBytes = frameBytes;
const zeros = new Uint8Array(pageBytes);

/** @returns null when no pages in reach are left. */
export function allocReachable(parts: EngineParts, device: DmaDevice, size: number): Coherent | null {
  const order = orderOf(size);
  const first = parts.guest.allocPages(order, device.coherentMask);
  if (first === null) return null;
  const phys = first * pageBytes;
  const bus = busOf(parts, phys);
  const limit = device.busLimit === 0 ? device.coherentMask : Math.min(device.coherentMask, device.busLimit);
  if (bus < 0 || bus + size - 1 > limit || straddles(parts.guest, phys, size)) {
    parts.guest.freePages(first, order);
    return null;
  }
  return prepare(parts, device, { phys, bus }, 2 ** order * pageBytes);
}

export function freeReachable(parts: EngineParts, device: DmaDevice, at: Coherent & { readonly size: number }): void {
  const order = orderOf(at.size);
  if (!device.coherent) parts.cache?.setUncached(at.bus, 2 ** order * pageBytes, false);
  parts.guest.freePages(pfn(at.phys / pageBytes), order);
}

/** Zero the memory and, for a device that does not see the cache, take it out of the cache. */
export function prepare(parts: EngineParts, device: DmaDevice, at: Coherent, bytes: number): Coherent {
  for (let k = 0; k < bytes; k += pageBytes) parts.guest.memory.write(at.phys + k, zeros);
  if (!device.coherent) parts.cache?.setUncached(at.bus, bytes, true);
  return at;
}
