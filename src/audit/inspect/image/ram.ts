/** Whether an image holds all of a machine's memory, and which part of what it holds is RAM. */
import { frameBytes } from "../../../base/frame.js";
import type { FrameRun, Image } from "../../../read/image/image.js";
import type { ReverseIndex } from "../facts/reverse_index.js";
import type { Place, PlaceKind } from "../place.js";
import { holes } from "../places/outside.js";
import { without } from "../places/places.js";
import type { Stretch } from "../stretch.js";

/** Less than this share of what is mapped lies where no memory is in a whole image: doorbells and windows. */
const strayShareMax = 0.1;
/** Ranges below this size are buffers: they lie in memory, where larger ones may be laid over everything there is. */
const bufferBytesMax = 2 ** 20;
/** Memory comes in pieces of at least this size, all but a small share of it. */
const pieceBytesMin = 2 ** 20;
/** An image of less may be a few tables by themselves; no machine with an IOMMU has less memory. */
const memoryBytesMin = 2 ** 26;

/**
 * A dump that leaves out pages lacks many of those that are mapped; one that does not lacks next to none.
 * @param named what is known to be no memory, or reserved: that it is not held says nothing
 * @returns null: it cannot be told
 */
export function isWhole(image: Image, index: ReverseIndex, named: readonly Stretch[]): true | null {
  if (image.format === "kdump" || bytesOf(image.runs) < memoryBytesMin) return null;
  const buffers = { mapped: 0, stray: 0 };
  const large = { mapped: 0, stray: 0 };
  for (let row = 0; row < index.count; row++) {
    const from = index.paddr[row]!;
    const sums = index.bytes[row]! < bufferBytesMax ? buffers : large;
    for (const part of without({ from, to: from + index.bytes[row]! }, named)) {
      sums.mapped += part.to - part.from;
      for (const hole of holes(image.runs, part)) sums.stray += hole.to - hole.from;
    }
  }
  const isThere = ({ mapped, stray }: typeof large) => mapped > 0 && stray <= mapped * strayShareMax;
  if (buffers.mapped > 0) return isThere(buffers) ? true : null;
  return isThere(large) || (large.mapped > 0 && isInPieces(image.runs)) ? true : null;
}

const bytesOf = (runs: readonly FrameRun[]): number => runs.reduce((sum, r) => sum + r.frameCount * frameBytes, 0);

const isInPieces = (runs: readonly FrameRun[]): boolean =>
  bytesOf(runs.filter((r) => r.frameCount * frameBytes >= pieceBytesMin)) >= bytesOf(runs) * (1 - strayShareMax);

/** Below 1 MiB there is memory behind the window of the graphics and the ROMs. */
const overMemory: readonly PlaceKind[] = ["legacy"];

/** What the runs hold and no place says is something else; ascending. */
export function ramOf(runs: readonly FrameRun[], places: readonly Place[]): Stretch[] {
  const others = places.filter((p) => !overMemory.includes(p.kind));
  return runs.flatMap(({ first, frameCount }) =>
    without({ from: first * frameBytes, to: (first + frameCount) * frameBytes }, others),
  );
}
