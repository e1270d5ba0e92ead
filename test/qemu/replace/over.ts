/** Memory in which some entries say something else. */
import { frameBytes, type Mfn } from "../../../src/base/frame.js";
import type { MemoryView } from "../../../src/mem/view.js";

/** @param entries by byte address, each aligned to its size */
export const over = (memory: MemoryView, entries: ReadonlyMap<number, Uint32Array>): MemoryView => ({
  frame: (m) => memory.frame(m),
  entry(at, count) {
    const words = entries.get(at);
    if (words?.length === count) return words.slice();
    const from = (at % frameBytes) / 4;
    return memory.frame(Math.floor(at / frameBytes) as Mfn)?.slice(from, from + count);
  },
});
