/** Entries and addresses as the reports of `inspect` write them. */

import { reachedBy } from "../../audit/inspect/facts/reached.js";
import { hex, hexDigits } from "../../base/hex.js";
import { type About, read } from "../../bits/index.js";
import type { Ranges } from "../../table/ranges.js";

/** Bytes of memory behind tables, each page once; a table that devices share is counted once. */
export function memoryCounter(): (ranges: Ranges) => number {
  const known = new Map<Ranges, number>();
  return (ranges) => {
    let bytes = known.get(ranges);
    if (bytes === undefined) {
      bytes = reachedBy([ranges], null).distinct;
      known.set(ranges, bytes);
    }
    return bytes;
  };
}

/** An entry's 64-bit words, the highest first: `0x0000000000000102 0x0000000003a8e001`. */
export function entryValue(words: Uint32Array): string {
  const parts: string[] = [];
  for (let w = words.length - 2; w >= 0; w -= 2) {
    const half = (at: number) => hexDigits(words[at]!, 8);
    parts.push(`0x${half(w + 1)}${half(w)}`);
  }
  return parts.join(" ");
}

export interface FieldWords {
  readonly name: string;
  /** `51:12`, `0`. */
  readonly bits: string;
  readonly value: string;
  readonly doc: string;
  readonly isZero: boolean;
}

/** Every field of an entry: the layout is the decoder. */
export function fieldsOf(words: Uint32Array, about: About): FieldWords[] {
  return about.fields.map((field) => {
    const value = read(words, 0, field);
    const { name, msb, lsb, doc } = field;
    return { name, bits: msb === lsb ? `${msb}` : `${msb}:${lsb}`, value: hex(value), doc, isZero: value === 0 };
  });
}
