/** An entry from its fields. */
import { composed, type FieldValue } from "../../../bits/composed.js";
import type { About } from "../../../bits/layout.js";

export type { FieldValue };

/** @throws Broken when a value does not fit its field */
export const entryOf = ({ bitCount }: About, values: readonly FieldValue[]): Uint32Array =>
  composed(bitCount / 32, values);
