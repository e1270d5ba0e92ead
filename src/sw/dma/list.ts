/**
 * Lists of buffers: what a driver hands over, and what the device is given for it.
 *
 * Linux maps a list entry by entry and neither splits nor merges; an engine that does says so (`ListPolicy`): D3's
 * software IOMMU turns one buffer into a scatter list, and an IOMMU the other way round.
 * Source: Linux kernel/dma/direct.c, dma_direct_map_sg; drivers/xen/swiotlb-xen.c, xen_swiotlb_map_sg.
 */
import { frameBytes } from "../../base/frame.js";
import type { DmaDevice, Engine, Mapped, Refusal } from "../engine/index.js";

const pageBytes = frameBytes;

export interface ListEntry {
  readonly phys: number;
  readonly size: number;
}

/** One mapping that a list was made of. */
export interface ListPart extends ListEntry {
  /** Which entry of the list it is of. */
  readonly entry: number;
  readonly mapped: Mapped;
}

/** What the device is given. */
export interface DmaSegment {
  readonly bus: number;
  readonly size: number;
}

/** A list as it was mapped; unmapping and syncing take the same object and the original number of entries. */
export interface MappedList {
  readonly entries: readonly ListEntry[];
  readonly parts: readonly ListPart[];
  readonly segments: readonly DmaSegment[];
  /** Of a list that has one range of addresses: all of it. */
  readonly range?: DmaSegment;
  /** Its range was taken first and its buffers linked to it: it is unmapped in the same way. */
  readonly isLinked?: true;
  /** dma_map_sg(): segments, 0 for failure. */
  readonly count: number;
  /** dma_map_sgtable(): 0, or the negative error. */
  readonly error: number;
  /** null when it did not fail. */
  readonly refused: Refusal | null;
  /** What was being mapped when it failed; null when it did not, or none of it was tried. */
  readonly refusedPart: ListEntry | null;
}

/** The pieces of an entry that are neighbours on the bus, page by page. */
export function contiguousPieces(engine: Engine, e: ListEntry): ListEntry[] {
  const pieces: ListEntry[] = [];
  const end = e.phys + e.size;
  let from = e.phys;
  for (let page = Math.floor(e.phys / pageBytes); (page + 1) * pageBytes < end; page++) {
    if (engine.mergeable(page, page + 1)) continue;
    pieces.push({ phys: from, size: (page + 1) * pageBytes - from });
    from = (page + 1) * pageBytes;
  }
  pieces.push({ phys: from, size: end - from });
  return pieces;
}

/** Neighbours on the bus become one segment, as far as the device takes it. */
export function mergeNeighbours(device: DmaDevice, parts: readonly ListPart[]): DmaSegment[] {
  const segments: DmaSegment[] = [];
  for (const { mapped, size } of parts) {
    const last = segments.at(-1);
    if (last !== undefined && last.bus + last.size === mapped.bus && fits(device, last.bus, last.size + size))
      segments[segments.length - 1] = { bus: last.bus, size: last.size + size };
    else segments.push({ bus: mapped.bus, size });
  }
  return segments;
}

/** May this be one segment of the device: not too long, and across no boundary of its? */
export function fits(device: DmaDevice, bus: number, size: number): boolean {
  if (size > device.maxSegmentBytes) return false;
  return Math.floor(bus / device.boundary) === Math.floor((bus + size - 1) / device.boundary);
}
