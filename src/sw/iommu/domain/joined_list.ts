/**
 * A scatter list as one range of a domain's addresses: where each buffer lies in it, and what the device is given.
 *
 * Source: Linux drivers/iommu/dma-iommu.c, iommu_dma_map_sg and __finalise_sg.
 */
import { frameBytes } from "../../../base/frame.js";

export interface ListBuffer {
  readonly phys: number;
  readonly size: number;
}

export interface ListLimits {
  /** Bytes of an aligned power of two that no segment crosses; the kernel's default is 4 GiB. */
  readonly boundary: number;
  readonly maxSegmentBytes: number;
}

/** Whole pages for one buffer. */
export interface ListPiece {
  /** Where they begin in the range, bytes. */
  readonly at: number;
  /** Where the first page begins in memory, and how many bytes are mapped: with padding, more than the buffer has. */
  readonly phys: number;
  readonly bytes: number;
  /** Where in the first page the buffer begins, and how long it is. */
  readonly inside: number;
  readonly size: number;
}

/** @returns the pieces in order, one for each buffer, and the bytes of the whole */
export function layOut(
  buffers: readonly ListBuffer[],
  { boundary }: Pick<ListLimits, "boundary">,
): { readonly pieces: readonly ListPiece[]; readonly bytes: number } {
  const pieces: ListPiece[] = [];
  let bytes = 0;
  for (const { phys, size } of buffers) {
    const inside = phys % frameBytes;
    const own = Math.ceil((inside + size) / frameBytes) * frameBytes;
    const pad = (boundary - (bytes % boundary)) % boundary;
    const last = pieces.at(-1);
    // The range is aligned to its size, so only what would cross a boundary inside it is moved behind that boundary. The
    // kernel makes the buffer before longer for it, and so maps memory that is no part of it.
    if (last !== undefined && pad > 0 && pad < own - 1) {
      pieces[pieces.length - 1] = { ...last, bytes: last.bytes + pad };
      bytes += pad;
    }
    pieces.push({ at: bytes, phys: phys - inside, bytes: own, inside, size });
    bytes += own;
  }
  return { pieces, bytes };
}

/** What the device is given: neighbours are one segment where neither a page's rest nor a limit is between them. */
export function segmentsOf(
  first: number,
  pieces: readonly ListPiece[],
  { boundary, maxSegmentBytes }: ListLimits,
): { readonly bus: number; readonly size: number }[] {
  const segments: { bus: number; size: number }[] = [];
  let isOpen = false;
  for (const { at, bytes, inside, size } of pieces) {
    const bus = first + at;
    const last = segments.at(-1);
    if (isOpen && last !== undefined && inside === 0 && bus % boundary !== 0 && maxSegmentBytes - last.size >= size)
      last.size += size;
    else segments.push({ bus: bus + inside, size });
    isOpen = inside + size >= bytes;
  }
  return segments;
}
