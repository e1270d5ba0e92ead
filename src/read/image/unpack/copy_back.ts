/** The step that all of this family of packers share: repeat what was written before. */

/**
 * Copy `length` bytes from `distance` bytes before `at` to `at`; where the two overlap the pattern repeats.
 * @returns false, and writes nothing, when that is before the beginning or behind the end.
 */
export function copyBack(bytes: Uint8Array, at: number, distance: number, length: number): boolean {
  if (distance < 1 || distance > at || at + length > bytes.length) return false;
  if (distance >= length && length > 32) bytes.copyWithin(at, at - distance, at - distance + length);
  else for (let i = at; i < at + length; i++) bytes[i] = bytes[i - distance]!;
  return true;
}
