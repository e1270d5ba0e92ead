/** Time stamps as `Clock` counts them. */

let high: f64 = 0;
let low: f64 = 0;
let microseconds: f64 = 0;
let nanoseconds: f64 = 0;
let counts: bool = false;

/**
 * @param firstHigh, firstLow the first time stamp that was seen
 * @param firstMicroseconds, beyond the same, in microseconds and in nanoseconds beyond them
 * @param inNanoseconds 0 for a clock that counts something else
 */
export function setClock(firstHigh: f64, firstLow: f64, firstMicroseconds: f64, beyond: f64, inNanoseconds: i32): void {
  high = firstHigh;
  low = firstLow;
  microseconds = firstMicroseconds;
  nanoseconds = beyond;
  counts = inNanoseconds !== 0;
}

/** @returns the time stamp as nanoseconds after the first one. */
export function since(stampHigh: f64, stampLow: f64): f64 {
  return (stampHigh - high) * 4294967296 + (stampLow - low);
}

/** @returns what the `time` column holds of it. */
export function shown(nanosecondsSince: f64): f64 {
  if (!counts) return high * 4294967296 + low + nanosecondsSince;
  return microseconds + floor((nanoseconds + nanosecondsSince + 500) * 0.001);
}
