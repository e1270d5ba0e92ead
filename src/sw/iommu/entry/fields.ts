/** An entry from its fields. */
import { type Field, write } from "../../../bits/field.js";
import type { About } from "../../../bits/layout.js";

export type FieldValue = readonly [field: Field, value: number];

/** @throws Broken when a value does not fit its field */
export function entryOf({ bitCount }: About, values: readonly FieldValue[]): Uint32Array {
  const words = new Uint32Array(bitCount / 32);
  for (const [field, value] of values) write(words, 0, field, value);
  return words;
}
