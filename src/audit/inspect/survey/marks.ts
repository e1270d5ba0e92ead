/**
 * What is asked of every frame of an image, and the plain way to answer it. `wasm/image_frames.ts` gives the same answers at the
 * rate at which memory is read, and is tested against this.
 */
import { nameByCode } from "../../../spec/acpi/signatures.js";
import { blobMagicWord } from "../../../spec/devicetree/blob.js";
import { crashInfoWord } from "./crash_info.js";
import { formsOf } from "./forms.js";

/** Bits of what is said of a frame. */
export const Mark = {
  /** It could be the beginning of a unit's device tables. */
  form: 1,
  /** One of the firmware's tables could begin somewhere in it. */
  named: 2,
  /** It begins as VMCOREINFO does. */
  crashInfo: 4,
  /** It begins as a device tree does. */
  tree: 8,
} as const;

/** Words that are looked for everywhere, and those that frames begin with, in the order of their marks. */
export const namedWords: readonly number[] = [...nameByCode.keys()];
export const firstWords: readonly number[] = [crashInfoWord, blobMagicWord];

/** @param names look for names as well: the whole frame is read then */
export function marksOf(words: Uint32Array, names: boolean): number {
  const first = words[0];
  let marks: number = formsOf(words) === null ? 0 : Mark.form;
  if (first === crashInfoWord) marks |= Mark.crashInfo;
  if (first === blobMagicWord) marks |= Mark.tree;
  if (names && words.some((w) => nameByCode.has(w))) marks |= Mark.named;
  return marks;
}
