/**
 * Numbers of 64 bits as doubles: here alone they are put together of two halves, and taken apart.
 *
 * A double holds 2^53 of them exactly. One beyond is rounded, never to less than 2^53: `isExact` tells.
 */
const half = 2 ** 32;

/** @param low, high words of 32 bits @returns the number, exact when `isExact` says so */
export function u64(low: number, high: number): number {
  return low + high * half;
}

/** The lower 32 bits of a whole number below 2^53. */
export function u64Low(n: number): number {
  return n >>> 0;
}

/** The upper bits of a whole number below 2^53. */
export function u64High(n: number): number {
  return Math.floor(n / half);
}

/** False for a number of 64 bits that no double holds: it was rounded. */
export function isExact(n: number): boolean {
  return n < 2 ** 53;
}

/** A number of 64 bits where it stands, little-endian unless said otherwise. */
export function u64At(view: DataView, at: number, isLittle = true): number {
  const first = view.getUint32(at, isLittle);
  const second = view.getUint32(at + 4, isLittle);
  return isLittle ? u64(first, second) : u64(second, first);
}
