/** A memory of tests as an image is read: block by block. */
import type { Mfn } from "../../../src/base/frame.js";
import type { MemoryView } from "../../../src/mem/view.js";
import { blockFrames, type InBlocks } from "../../../src/read/image/block.js";

/** @param numbers of the frames that the memory may hold, ascending */
export function inBlocks(memory: MemoryView, numbers: readonly number[]): MemoryView & InBlocks {
  return {
    frame: (m) => memory.frame(m),
    blockCount: Math.ceil(numbers.length / blockFrames),
    readBlock(n, into) {
      into.count = 0;
      for (const m of numbers.slice(n * blockFrames, (n + 1) * blockFrames)) {
        const words = memory.frame(m as Mfn);
        if (words === undefined) continue;
        into.bytes.set(new Uint8Array(words.slice().buffer), into.count * 4096);
        into.frames[into.count++] = m;
      }
      return true;
    },
  };
}

/** All of a memory's frames. */
export const allFrames = (count: number): number[] => Array.from({ length: count }, (_, m) => m);
