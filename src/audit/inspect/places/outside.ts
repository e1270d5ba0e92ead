/** What is mapped and lies outside of the memory that the image holds. */
import { frameBytes } from "../../../base/frame.js";
import type { FrameRun } from "../../../read/image/image.js";
import type { Known } from "../facts/known.js";
import type { Stretch } from "../stretch.js";
import { without } from "./places.js";

export interface OutsidePlace {
  /** Owner group of the reverse index. */
  readonly owner: number;
  readonly bytes: number;
  readonly first: Stretch;
}

/**
 * What is mapped, is not held, and has no name: neither a place that is known to be no memory nor a region that firmware
 * reserved.
 * @returns nothing when the image holds only a part of memory: then absence says nothing.
 */
export function outsideOf(known: Known): OutsidePlace[] {
  if (known.whole !== true) return [];
  const { index, runs } = known;
  const named = namedPlaces(known.places, known.reserved);
  const places = new Map<number, { owner: number; bytes: number; first: Stretch }>();
  for (let row = 0; row < index.count; row++) {
    const from = index.paddr[row]!;
    const to = from + index.bytes[row]!;
    for (const hole of holes(runs, { from, to }).flatMap((h) => without(h, named))) {
      const owner = index.owner[row]!;
      const place = places.get(owner);
      if (place === undefined) places.set(owner, { owner, bytes: hole.to - hole.from, first: hole });
      else place.bytes += hole.to - hole.from;
    }
  }
  return [...places.values()];
}

/** Places and regions as stretches that ascend and do not overlap. */
export function namedPlaces(places: readonly Stretch[], reserved: readonly Stretch[] | null): Stretch[] {
  const named: Stretch[] = [...places];
  for (const region of reserved ?? []) {
    named.push(...without(region, named));
    named.sort((a, b) => a.from - b.from);
  }
  return named;
}

/** The parts of a stretch, in whole frames, that no run holds. */
export function holes(runs: readonly FrameRun[], { from, to }: Stretch): Stretch[] {
  const found: Stretch[] = [];
  let at = from;
  for (let r = firstRunEndingAfter(runs, from / frameBytes); r < runs.length && at < to; r++) {
    const start = runs[r]!.first * frameBytes;
    if (start >= to) break;
    if (start > at) found.push({ from: at, to: start });
    at = Math.max(at, start + runs[r]!.frameCount * frameBytes);
  }
  if (at < to) found.push({ from: at, to });
  return found;
}

export function holdsFrame(runs: readonly FrameRun[], frame: number): boolean {
  const run = runs[firstRunEndingAfter(runs, frame)];
  return run !== undefined && run.first <= frame;
}

/** Runs ascend and do not overlap. */
function firstRunEndingAfter(runs: readonly FrameRun[], frame: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]!.first + runs[middle]!.frameCount <= frame) low = middle + 1;
    else high = middle;
  }
  return low;
}
