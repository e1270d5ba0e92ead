/** What is mapped and lies outside of the memory that the image holds. */
import type { FrameRun } from "../../../read/image/image.js";
import { deviceName } from "../device_name.js";
import type { Known, Stretch } from "./known.js";

export interface OutsidePlace {
  /** Owner group of the reverse index. */
  readonly owner: number;
  readonly bytes: number;
  readonly first: Stretch;
  /** The device whose window the first place lies in; null: none is known. */
  readonly peer: string | null;
}

/** @returns nothing when the image holds only a part of memory: then absence says nothing. */
export function outsideOf(known: Known): OutsidePlace[] {
  if (known.whole !== true) return peersOf(known);
  const { index, runs } = known;
  const places = new Map<number, { owner: number; bytes: number; first: Stretch }>();
  for (let row = 0; row < index.count; row++) {
    const from = index.paddr[row]!;
    const to = from + index.bytes[row]!;
    for (const hole of holes(runs, { from, to })) {
      const owner = index.owner[row]!;
      const place = places.get(owner);
      if (place === undefined) places.set(owner, { owner, bytes: hole.to - hole.from, first: hole });
      else place.bytes += hole.to - hole.from;
    }
  }
  return [...places.values()].map((p) => ({ ...p, peer: peerAt(known, p.first) }));
}

/** Mappings into windows of devices: they are told even of a part of memory. */
function peersOf(known: Known): OutsidePlace[] {
  const { index } = known;
  const places: OutsidePlace[] = [];
  const rows = new Int32Array(256);
  for (const device of known.bus ?? []) {
    for (const bar of device.bars) {
      const count = Math.min(rows.length, index.rowsWithin(bar.from, bar.to, rows));
      for (const row of rows.subarray(0, count)) {
        const from = Math.max(bar.from, index.paddr[row]!);
        const to = Math.min(bar.to, index.paddr[row]! + index.bytes[row]!);
        places.push({ owner: index.owner[row]!, bytes: to - from, first: { from, to }, peer: deviceName(device) });
      }
    }
  }
  return places;
}

function peerAt(known: Known, { from, to }: Stretch): string | null {
  const device = known.bus?.find((d) => d.bars.some((bar) => bar.from < to && from < bar.to));
  return device === undefined ? null : deviceName(device);
}

/** The parts of a stretch, in whole frames, that no run holds. */
export function holes(runs: readonly FrameRun[], { from, to }: Stretch): Stretch[] {
  const found: Stretch[] = [];
  let at = from;
  for (let r = firstRunEndingAfter(runs, from / 4096); r < runs.length && at < to; r++) {
    const start = runs[r]!.first * 4096;
    if (start >= to) break;
    if (start > at) found.push({ from: at, to: start });
    at = Math.max(at, start + runs[r]!.frameCount * 4096);
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
