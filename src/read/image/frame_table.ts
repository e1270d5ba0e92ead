/** Which frames stand where in a file: runs of whole frames, and the frames that several pieces share. */

import { frameBytes, type Mfn } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { Warnings } from "../unreadable.js";
import { disjoint } from "./disjoint.js";
import type { FrameRun } from "./image.js";
import type { Piece } from "./piece.js";

const pageBytes = frameBytes;

export class FrameTable {
  /** Runs of whole frames, ascending, one after another in the file too; columns of one length. */
  readonly first: Float64Array;
  readonly frameCount: Float64Array;
  readonly fileOffset: Float64Array;
  /** Frames that no single run holds, ascending, and the pieces of each. Bytes of no piece read as zeros. */
  readonly partial: ReadonlyMap<number, readonly Piece[]>;
  readonly partialFrames: Float64Array;
  /** Whole frames and the others together. */
  readonly runs: readonly FrameRun[];
  /** How many frames, whole ones and others, come before each run of whole frames, and how many there are in all. */
  readonly before: Float64Array;
  readonly total: number;
  /** How many of the others come before each run. */
  readonly #partialBefore: Float64Array;
  #last = 0;

  /**
   * @param pieces in the order in which the file lists them: of several that claim a byte the first listed is taken
   * @param warnings is told of each frame that the pieces cover in part only
   */
  constructor(pieces: readonly Piece[], warnings: Warnings) {
    const parts = disjoint(
      {
        count: pieces.length,
        from: Float64Array.from(pieces, (p) => p.address),
        to: Float64Array.from(pieces, (p) => p.address + p.bytes),
      },
      "first",
    );
    const first: number[] = [];
    const frameCount: number[] = [];
    const fileOffset: number[] = [];
    const partial = new Map<number, Piece[]>();
    const share = (from: number, to: number, offset: number) => {
      if (to <= from) return;
      const frame = Math.floor(from / pageBytes);
      const piece = { fileOffset: offset, address: from, bytes: to - from };
      const others = partial.get(frame);
      if (others === undefined) partial.set(frame, [piece]);
      else others.push(piece);
    };
    for (let i = 0; i < parts.count; i++) {
      const from = parts.from[i]!;
      const to = parts.to[i]!;
      const piece = pieces[parts.which[i]!]!;
      const offsetOf = (address: number) => piece.fileOffset + (address - piece.address);
      const whole = Math.ceil(from / pageBytes);
      const count = Math.floor(to / pageBytes) - whole;
      const start = whole * pageBytes;
      if (count < 0) {
        share(from, to, offsetOf(from));
        continue;
      }
      const end = start + count * pageBytes;
      share(from, start, offsetOf(from));
      share(end, to, offsetOf(end));
      if (count === 0) continue;
      const last = first.length - 1;
      const follows =
        last >= 0 &&
        first[last]! + frameCount[last]! === whole &&
        fileOffset[last]! + frameCount[last]! * pageBytes === offsetOf(start);
      if (follows) frameCount[last]! += count;
      else {
        first.push(whole);
        frameCount.push(count);
        fileOffset.push(offsetOf(start));
      }
    }
    this.first = Float64Array.from(first);
    this.frameCount = Float64Array.from(frameCount);
    this.fileOffset = Float64Array.from(fileOffset);
    this.partial = partial;
    this.partialFrames = Float64Array.from(partial.keys());
    for (const [frame, shared] of partial) warnOfGaps(frame, shared, warnings);
    this.runs = mergedRuns(this);
    this.before = new Float64Array(first.length);
    this.#partialBefore = new Float64Array(first.length);
    let whole = 0;
    let others = 0;
    for (let i = 0; i < first.length; i++) {
      while (others < this.partialFrames.length && this.partialFrames[others]! < first[i]!) others++;
      this.#partialBefore[i] = others;
      this.before[i] = whole + others;
      whole += frameCount[i]!;
    }
    this.total = whole + this.partialFrames.length;
  }

  /** Index in `partialFrames` of the frame that `at` frames come before; it lies behind run `i` (-1: before all). */
  partialAt(i: number, at: number): number {
    return i < 0 ? at : this.#partialBefore[i]! + at - this.before[i]! - this.frameCount[i]!;
  }

  /** Byte offset in the file of whole frame `m`; -1 when no run holds it. */
  offsetOf(m: number): number {
    let i = this.#last;
    if (!(m >= this.first[i]! && m < this.first[i]! + this.frameCount[i]!)) {
      i = lastNotAbove(this.first, m);
      if (i < 0 || m >= this.first[i]! + this.frameCount[i]!) return -1;
      this.#last = i;
    }
    return this.fileOffset[i]! + (m - this.first[i]!) * pageBytes;
  }
}

/** Index of the last element that is not above `n` in an ascending column; -1 when there is none. */
export function lastNotAbove(column: Float64Array, n: number): number {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle]! <= n) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function warnOfGaps(frame: number, shared: readonly Piece[], warnings: Warnings): void {
  const bytes = shared.reduce((sum, p) => sum + p.bytes, 0);
  if (bytes === pageBytes) return;
  warnings.add(
    `address ${hex(frame * pageBytes)}`,
    `expected a whole frame, found ${hex(bytes)} of its ${hex(pageBytes)} bytes; the others read as zeros`,
  );
}

/** Runs as they are told: without regard to where they stand in the file. */
function mergedRuns(t: FrameTable): FrameRun[] {
  const runs: { first: Mfn; frameCount: number }[] = [];
  const add = (first: number, frameCount: number) => {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.frameCount === first) last.frameCount += frameCount;
    else runs.push({ first: first as Mfn, frameCount });
  };
  let p = 0;
  for (let i = 0; i < t.first.length; i++) {
    while (p < t.partialFrames.length && t.partialFrames[p]! < t.first[i]!) add(t.partialFrames[p++]!, 1);
    add(t.first[i]!, t.frameCount[i]!);
  }
  while (p < t.partialFrames.length) add(t.partialFrames[p++]!, 1);
  return runs;
}
