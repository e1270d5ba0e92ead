/**
 * The block layer before the DMA API: vectors of a request become the entries of a list.
 *
 * Two vectors become one entry only when they are neighbours in physical memory and on the bus, and the device takes
 * the result: the restriction that keeps most buffers of a Xen domain from straddling. A vector of several pages is not
 * looked into, so it may straddle all the same.
 * Source: D3 ("preventing block request merging across boundaries that aren't machine and phys contiguous"); Linux
 * block/blk-merge.c, drivers/xen/biomerge.c (xen_biovec_phys_mergeable).
 */
import { frameBytes } from "../../base/frame.js";
import type { DmaDevice, Engine } from "../engine/index.js";
import { fits, type ListEntry } from "./list.js";

const pageBytes = frameBytes;

export interface Request {
  readonly entries: readonly ListEntry[];
  /** How many vectors went into the list; the rest belongs to another request. */
  readonly taken: number;
}

/** As many vectors as one list of the device holds; a vector that is too long for a segment is cut. */
export function listOf(engine: Engine, device: DmaDevice, vectors: readonly ListEntry[]): Request {
  const entries: ListEntry[] = [];
  for (const [taken, vector] of vectors.entries()) {
    const last = entries.at(-1);
    const joined = last === undefined ? null : join(engine, device, last, vector);
    const added = joined === null ? cut(device, vector) : [joined];
    const before = joined === null ? entries.length : entries.length - 1;
    if (before + added.length > device.maxSegments) return { entries, taken };
    entries.splice(before, entries.length - before, ...added);
  }
  return { entries, taken: vectors.length };
}

/** @returns both as one entry, or null when they must stay two. */
function join(engine: Engine, device: DmaDevice, a: ListEntry, b: ListEntry): ListEntry | null {
  const size = a.size + b.size;
  if (a.phys + a.size !== b.phys || !fits(device, a.phys, size)) return null;
  const [last, first] = [Math.floor((b.phys - 1) / pageBytes), Math.floor(b.phys / pageBytes)];
  return last === first || engine.mergeable(last, first) ? { phys: a.phys, size } : null;
}

/** Pieces that are no longer than a segment and cross no boundary. */
export function cut(device: Pick<DmaDevice, "boundary" | "maxSegmentBytes">, vector: ListEntry): ListEntry[] {
  const pieces: ListEntry[] = [];
  const end = vector.phys + vector.size;
  for (let at = vector.phys; at < end; ) {
    const boundary = (Math.floor(at / device.boundary) + 1) * device.boundary;
    const to = Math.min(end, at + device.maxSegmentBytes, boundary);
    pieces.push({ phys: at, size: to - at });
    at = to;
  }
  return pieces;
}
