/** Which frames of memory hold an IOMMU's own structures: noted while they are read. */
import { frameBytes, type Mfn, mfn } from "../../base/frame.js";
import type { MemoryView } from "../../mem/view.js";

/** What a frame was read as. The first reading counts. */
export type FrameUse = "device table" | "page table" | "interrupt table" | "queue";

export class TableFrames {
  readonly #uses = new Map<Mfn, FrameUse>();

  add(m: Mfn, use: FrameUse): void {
    if (!this.#uses.has(m)) this.#uses.set(m, use);
  }

  /** Every frame that has a byte of [from, to). */
  addStretch({ use, from, to }: { readonly use: FrameUse; readonly from: number; readonly to: number }): void {
    for (let m = Math.floor(from / frameBytes); m * frameBytes < to; m++) this.add(mfn(m), use);
  }

  /** Frames and what they hold, ascending. */
  ascending(): [Mfn, FrameUse][] {
    return [...this.#uses].sort(([a], [b]) => a - b);
  }

  get count(): number {
    return this.#uses.size;
  }

  /** The same memory; frames that are read through it and are held are noted as `use`. */
  noting(memory: MemoryView, use: FrameUse): MemoryView {
    return {
      frame: (m) => {
        const words = memory.frame(m);
        if (words !== undefined) this.add(m, use);
        return words;
      },
    };
  }
}
