/** All-zero frames: most of many images. */
import type { ReadonlyWords } from "../../mem/view.js";

/** Whether every word is zero. */
export function isZero(words: ReadonlyWords): boolean {
  const length = words.length;
  for (let i = 0; i < length; i++) if (words[i] !== 0) return false;
  return true;
}
