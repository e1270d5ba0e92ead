/** Runs of frames, gathered in ascending order, kept to a number. */
import type { Mfn } from "../../base/frame.js";
import type { FrameRun } from "./image.js";

/** A dump that drops every other page has as many runs as pages: a million is what a caller can use. */
export const runsMax = 2 ** 20;

export class RunList {
  #runs: { first: Mfn; frameCount: number }[] = [];
  readonly #max: number;
  /** Frames that are not held and yet lie inside a run: 0 unless there were too many runs. */
  slack = 0;

  constructor(max = runsMax) {
    this.#max = max;
  }

  get list(): readonly FrameRun[] {
    return this.#runs;
  }

  /** Frames first to first + count - 1, all behind those added before. */
  add(first: number, count: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && first - (last.first + last.frameCount) <= this.slack) {
      last.frameCount = first + count - last.first;
      return;
    }
    this.#runs.push({ first: first as Mfn, frameCount: count });
    while (this.#runs.length > this.#max) this.#coarser();
  }

  /** Joins neighbours that are near each other, so that at least some are joined. */
  #coarser(): void {
    const before = this.#runs;
    this.slack = Math.max(1, this.slack * 2);
    this.#runs = [];
    for (const r of before) {
      const last = this.#runs.at(-1);
      if (last !== undefined && r.first - (last.first + last.frameCount) <= this.slack) {
        last.frameCount = r.first + r.frameCount - last.first;
      } else this.#runs.push(r);
    }
  }
}
