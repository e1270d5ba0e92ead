/** Memory that can be looked at. The simulator's memory is one; a crash dump is another. */
import type { Mfn } from "../base/frame.js";

/** Words to look at: a `Uint32Array` without what would change it. What lies in memory changes by memory's own door. */
export interface ReadonlyWords extends Iterable<number> {
  readonly length: number;
  readonly [index: number]: number;
  /** A part of the words, live as they are. */
  subarray(first?: number, end?: number): ReadonlyWords;
  /** A copy, to be changed at will. */
  slice(first?: number, end?: number): Uint32Array<ArrayBuffer>;
  every(is: (word: number, index: number) => boolean): boolean;
  some(is: (word: number, index: number) => boolean): boolean;
}

/** Frames that can be read. */
export interface MemoryView {
  /** @returns the 1024 words of a frame, or undefined when this memory does not hold it. */
  frame(m: Mfn): ReadonlyWords | undefined;
  /** @returns the run of neighbouring frames that holds m, when its words lie in one piece and stay where they are. */
  segment?(m: Mfn): MemorySegment | undefined;
  /**
   * One entry of a structure, for memories that do not hand out frames for it: hardware that fetches entries piece by piece,
   * or has them cached.
   * @param address aligned to the entry's size @returns a copy of its words; undefined when they cannot be had
   */
  entry?(address: number, wordCount: number): Uint32Array | undefined;
}

/** Neighbouring frames whose words lie in one piece. */
export interface MemorySegment {
  readonly first: Mfn;
  readonly frameCount: number;
  /** frameCount * 1024 words. */
  readonly words: ReadonlyWords;
}

/** Runs of frames in ascending order: what the PT_LOAD parts of an ELF core become. */
export class SegmentView implements MemoryView {
  readonly #segments: readonly MemorySegment[];

  constructor(segments: readonly MemorySegment[]) {
    this.#segments = segments.toSorted((a, b) => a.first - b.first);
  }

  frame(m: Mfn): ReadonlyWords | undefined {
    const s = this.segment(m);
    return s?.words.subarray((m - s.first) * 1024, (m - s.first + 1) * 1024);
  }

  segment(m: Mfn): MemorySegment | undefined {
    return this.#segments.find((s) => m >= s.first && m < s.first + s.frameCount);
  }
}
