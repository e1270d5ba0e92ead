/** All-zero frames: most of many images. */

/** Whether every word is zero. */
export function isZero(words: Uint32Array): boolean {
  const length = words.length;
  for (let i = 0; i < length; i++) if (words[i] !== 0) return false;
  return true;
}
