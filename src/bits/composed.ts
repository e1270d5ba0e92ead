/** A structure from its fields: all other bits are 0. */
import { type Field, write } from "./field.js";

export type FieldValue = readonly [field: Field, value: number];

/** @param wordCount 32-bit words of the structure @throws Broken when a value does not fit its field */
export function composed(wordCount: number, values: readonly FieldValue[]): Uint32Array {
  const words = new Uint32Array(wordCount);
  for (const [field, value] of values) write(words, 0, field, value);
  return words;
}
