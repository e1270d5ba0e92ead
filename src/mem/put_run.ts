/** Stores of 64 bits one behind the other, as memories make them that nobody watches. */

/** Pairs of words from which on the engine's own fill is faster than a loop: measured. */
const fillFrom = 16;

/**
 * Pairs of words from index `at` to before `end`, which have 31 bits: the lower of each by `step` greater than the one before,
 * the upper ones alike.
 */
export function putRun(words: Uint32Array, at: number, end: number, low: number, high: number, step: number): void {
  if (low === high && step === 0 && end - at >= fillFrom * 2) {
    words.fill(low, at, end);
    return;
  }
  const by = step | 0;
  // Whole numbers from the start: what was reckoned as a double is slow to count with.
  for (let n = at | 0; n < end; n += 2) {
    words[n] = low;
    words[n + 1] = high;
    low = (low + by) | 0;
  }
}
