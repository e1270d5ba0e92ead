/** Memory that can be looked at. The simulator's memory is one; a crash dump is another. */
import type { Mfn } from "../base/frame.js";

export interface MemoryView {
  /** @returns the 1024 words of a frame, or undefined when this memory does not hold it. */
  frame(m: Mfn): Uint32Array | undefined;
  /** @returns the run of neighbouring frames that holds m, when its words lie in one piece and stay where they are. */
  segment?(m: Mfn): Segment | undefined;
}

export interface Segment {
  readonly first: Mfn;
  readonly frameCount: number;
  /** frameCount * 1024 words. */
  readonly words: Uint32Array;
}

/** Runs of frames in ascending order: what the PT_LOAD parts of an ELF core become. */
export class SegmentView implements MemoryView {
  readonly #segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.#segments = segments.toSorted((a, b) => a.first - b.first);
  }

  frame(m: Mfn): Uint32Array | undefined {
    const s = this.segment(m);
    return s?.words.subarray((m - s.first) * 1024, (m - s.first + 1) * 1024);
  }

  segment(m: Mfn): Segment | undefined {
    return this.#segments.find((s) => m >= s.first && m < s.first + s.frameCount);
  }
}
