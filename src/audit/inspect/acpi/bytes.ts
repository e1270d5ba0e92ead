/** ACPI tables as bytes: read from a memory, taken apart by layouts. */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { type Field, read } from "../../../bits/field.js";
import type { About } from "../../../bits/layout.js";
import type { MemoryView } from "../../../mem/view.js";

/** @returns a copy of the bytes; null when the memory does not hold all of them. */
export function bytesAt(memory: MemoryView, address: number, count: number): Uint8Array | null {
  if (!(address >= 0 && address + count <= 2 ** 52)) return null;
  // Where memory is asked for by the million, most of it is not held: nothing is made before something is found.
  let out: Uint8Array | null = null;
  for (let done = 0; done < count; ) {
    const at = address + done;
    const words = memory.frame(Math.floor(at / frameBytes) as Mfn);
    if (words === undefined) return null;
    out ??= new Uint8Array(count);
    const low = at % frameBytes;
    const part = Math.min(frameBytes - low, count - done);
    const first = Math.floor(low / 4);
    const copy = new Uint8Array(words.slice(first, Math.ceil((low + part) / 4)).buffer);
    out.set(copy.subarray(low - first * 4, low - first * 4 + part), done);
    done += part;
  }
  return out ?? new Uint8Array(0);
}

/** A structure inside a table: its fields can be read. */
export class Structure {
  readonly #words: Uint32Array;
  constructor(words: Uint32Array) {
    this.#words = words;
  }

  get(field: Field): number {
    return read(this.#words, 0, field);
  }
}

/** @returns null when the structure does not lie in the bytes. */
export function structureAt(bytes: Uint8Array, at: number, about: About): Structure | null {
  const length = about.bitCount / 8;
  if (!(at >= 0 && at + length <= bytes.length)) return null;
  // A layout of whole words: the copy begins aligned wherever the structure stands.
  const copy = new Uint8Array(Math.ceil(length / 4) * 4);
  copy.set(bytes.subarray(at, at + length));
  return new Structure(new Uint32Array(copy.buffer));
}

export const sum = (bytes: Uint8Array): number => bytes.reduce((s, b) => (s + b) & 0xff, 0);

/** Letters up to a zero byte; others are shown as dots. */
export function textAt(bytes: Uint8Array, at: number, max = 64): string {
  const end = bytes.indexOf(0, at);
  const part = bytes.subarray(at, Math.min(end === -1 ? bytes.length : end, at + max));
  return [...part].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
}
