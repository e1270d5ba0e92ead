/** Memory of a few frames in which structures stand that lead to an entry, and those that it leads to. */
import { frameBytes, type Mfn } from "../../base/frame.js";
import { composed, type FieldValue } from "../../bits/composed.js";
import { Memory } from "../../mem/memory.js";
import type { MemoryView } from "../../mem/view.js";
import { type FormatName, Mapper } from "../../table/index.js";

export const frames = 64;
export const byteOf = (frame: number) => frame * frameBytes;

/** @param fill puts what stands in it */
export function memoryWith(fill: (m: Memory) => void): Memory {
  const memory = new Memory(frames);
  for (let n = 0; n < frames; n++) memory.store32(byteOf(n), 0);
  fill(memory);
  return memory;
}

export const put = (memory: Memory, address: number, count: number, values: readonly FieldValue[]): void =>
  memory.store(address, composed(count, values));

/** A table that leads each frame of this memory to itself. @param at its top; those below it follow */
export function mapItself(memory: Memory, format: FormatName, at: number, level: number): void {
  let next = at + 1;
  const inputBits = 12 + 9 * (level + 1);
  const root = { format, address: byteOf(at), level, inputBits, upper: "zero", outputBits: 46, allow: 3 } as const;
  new Mapper(memory, root, () => next++).map(0, 0, byteOf(frames), 3);
}

/** Memory in which one entry says something else. @param address of the entry, aligned to its size */
export function withEntry(memory: MemoryView, address: number, words: Uint32Array): MemoryView {
  return {
    frame: (m) => memory.frame(m),
    entry(at, count) {
      if (at === address && count === words.length) return words.slice();
      const from = (at % frameBytes) / 4;
      return memory.frame(Math.floor(at / frameBytes) as Mfn)?.slice(from, from + count);
    },
  };
}
