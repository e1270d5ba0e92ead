/**
 * Which bits of an entry hardware looks at, by what the entry says: what may change unseen, and what may not.
 *
 * An entry is words of 32 bits, the lowest first. A format is data: fields, each set of them with when they count.
 */
import type { Field } from "../../../bits/field.js";
import type { About } from "../../../bits/layout.js";
import type { FieldValue } from "./fields.js";

/** Fields that count where `when` says so. */
export interface Uses {
  /** Left out: always. */
  readonly when?: (entry: Uint32Array) => boolean;
  readonly fields: readonly Field[];
}

/** Fields of which hardware may see the old or the new value while all else is of the other entry. */
export interface Harmless {
  readonly when: (from: Uint32Array, to: Uint32Array) => boolean;
  /** A mask of the bits, in place. */
  readonly field: Field;
  /** Of the field, the bits that are meant; all unless given. */
  readonly bits?: number;
}

export interface EntryFormat {
  readonly about: About;
  /** It says that the entry counts; without it nothing else does. */
  readonly present: Field<0 | 1>;
  /** The fields of an entry through which nothing passes; all others 0. */
  readonly blocking: readonly FieldValue[];
  readonly uses: readonly Uses[];
  readonly harmless: readonly Harmless[];
}

export const wordCount = (format: EntryFormat): number => format.about.bitCount / 32;

/** @returns a mask as long as the entry: the bits that hardware looks at */
export function usedBits(format: EntryFormat, entry: Uint32Array): Uint32Array {
  const mask = new Uint32Array(wordCount(format));
  for (const { when, fields } of format.uses) {
    if (when === undefined || when(entry)) for (const field of fields) setBits(mask, field);
  }
  return mask;
}

/** @returns a mask of the bits that may change at any time between these two entries, though both use them */
export function harmlessBits(format: EntryFormat, from: Uint32Array, to: Uint32Array): Uint32Array {
  const mask = new Uint32Array(wordCount(format));
  for (const { when, field, bits } of format.harmless) if (when(from, to)) setBits(mask, field, bits);
  return mask;
}

/** @param bits of the field, from its lowest; all unless given */
function setBits(mask: Uint32Array, { word, shift, mask: low, scale, limit }: Field, bits = limit - 1): void {
  if (scale === 0) {
    mask[word]! |= (bits & low) << shift;
    return;
  }
  mask[word]! |= (bits % scale) << shift;
  mask[word + 1]! |= Math.floor(bits / scale);
}
