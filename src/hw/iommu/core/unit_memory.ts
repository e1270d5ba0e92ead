/** Memory as a unit's walks read it: a frame that exists and was never written holds zeros. */
import type { Mfn } from "../../../base/frame.js";
import { frameBytes } from "../../../base/frame.js";
import type { Memory } from "../../../mem/memory.js";
import type { MemoryView, ReadonlyWords } from "../../../mem/view.js";
import { FrameSource } from "../../../table/index.js";

class Existing implements MemoryView {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  frame(m: Mfn): ReadonlyWords | undefined {
    const words = this.#memory.frame(m);
    if (words !== undefined || !(m >= 0 && m < this.#memory.frameCount)) return words;
    this.#memory.store32(m * frameBytes, 0);
    return this.#memory.frame(m);
  }
}

export const unitMemory = (memory: Memory): FrameSource => new FrameSource(new Existing(memory));
