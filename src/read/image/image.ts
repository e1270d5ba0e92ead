/** A memory image: a view of frames, what it holds, and what it says about the machine it came from. */
import type { Mfn } from "../../base/frame.js";
import type { MemoryView } from "../../mem/view.js";
import type { Warning } from "../unreadable.js";
import type { InBlocks } from "./block.js";

export type ImageFormat = "raw" | "elf64" | "elf32" | "kdump" | "lime";

/** Frames that the image holds, one run after another in ascending order. */
export interface FrameRun {
  readonly first: Mfn;
  readonly frameCount: number;
}

export interface Image extends MemoryView, InBlocks {
  readonly format: ImageFormat;
  /** `x86-64`, `aarch64`, …; null where the format does not say. */
  readonly machine: string | null;
  /**
   * Ascending, and apart from each other. Of more than a million the nearest are told as one, with a warning: `frame`
   * is exact then, a run is not.
   */
  readonly runs: readonly FrameRun[];
  /** What was left out: a truncated segment, a page that does not unpack. Grows while frames are read. */
  readonly warnings: readonly Warning[];
  /**
   * Visit every held frame in ascending order, block by block. Frames of zeros are left out.
   * The words are valid during the call only.
   * @param progress is told the share done, 0 to 1
   */
  each(visit: (m: Mfn, words: Uint32Array) => void, progress?: (share: number) => void): void;
}
