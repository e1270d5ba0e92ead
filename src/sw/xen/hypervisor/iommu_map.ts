/**
 * Mappings of a device's address space that a guest asks the hypervisor for, page by page: D3's fourth case of a DMA
 * layer. Frames that lie apart can so follow each other on the bus.
 * Source: D3 ("call into Xen to establish an IOMMU mapping"); the checks are those of Xen's grant and P2M code.
 */
import { Errno } from "../../../spec/xen/errno.js";
import type { Domain } from "./domain.js";
import type { Hypervisor } from "./hypervisor.js";

/** Entries that a domain may have: hostile guests must not fill the hypervisor's memory. */
const entriesMax = 2 ** 20;
/** Device frame numbers are below this: addresses of 48 bits. */
const deviceFrames = 2 ** 36;

export interface IommuMap {
  readonly dfn: number;
  /** Page numbers of the domain, one for each device frame from `dfn` on. */
  readonly pages: readonly number[];
  readonly writable: boolean;
}

/**
 * All or nothing.
 * @returns 0; unsupported without such a table; invalid for numbers out of range or pages without a frame; exists when
 *   something is mapped there; perm for a frame that is neither the domain's nor granted to it for this; noMemory.
 */
export function iommuMap(h: Hypervisor, d: Domain, o: IommuMap): number {
  h.count("iommu_map");
  const map = d.deviceMap;
  if (map === null) return Errno.unsupported;
  if (!inRange(o.dfn, o.pages.length)) return Errno.invalid;
  if (map.size + o.pages.length > entriesMax) return Errno.noMemory;
  const frames: number[] = [];
  for (const [n, page] of o.pages.entries()) {
    if (map.has(o.dfn + n)) return Errno.exists;
    const frame = Number.isInteger(page) ? d.map.frameOf(page) : -1;
    if (frame < 0) return Errno.invalid;
    if (!mayReach(h, d, frame, o.writable)) return Errno.perm;
    frames.push(frame);
  }
  for (const [n, frame] of frames.entries()) map.set(o.dfn + n, frame, o.writable);
  return 0;
}

/** @returns 0, unsupported, or noEntry when not all of it was mapped; what was is gone in either case. */
export function iommuUnmap(h: Hypervisor, d: Domain, o: { readonly dfn: number; readonly count: number }): number {
  h.count("iommu_unmap");
  const map = d.deviceMap;
  if (map === null) return Errno.unsupported;
  if (!inRange(o.dfn, o.count) || o.count > entriesMax) return Errno.invalid;
  let all = true;
  for (let n = 0; n < o.count; n++) all = map.delete(o.dfn + n) && all;
  return all ? 0 : Errno.noEntry;
}

/** An entry is as good as the domain's right to the frame at this moment: its own, or granted and mapped. */
export function deviceFrame(h: Hypervisor, d: Domain, dfn: number, write: boolean): number {
  const frame = d.deviceMap?.frameOf(dfn, write) ?? -1;
  return frame >= 0 && mayReach(h, d, frame, write) ? frame : -1;
}

function mayReach(h: Hypervisor, d: Domain, frame: number, write: boolean): boolean {
  if (h.frames.owner[frame] === d.id && h.frames.heap[frame] === 0) return true;
  return write ? d.grants.heldForWriting.has(frame) : d.grants.heldFrames.has(frame);
}

const inRange = (dfn: number, count: number): boolean =>
  Number.isInteger(dfn) && Number.isInteger(count) && dfn >= 0 && count > 0 && dfn + count <= deviceFrames;
