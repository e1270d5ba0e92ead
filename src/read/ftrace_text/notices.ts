/** What is said of lines and clocks that are not as expected. */

import { countWords, plural } from "../../base/count_words.js";

const decoder = new TextDecoder();

/** Lines were filtered or cut out of it. */
export const absentNotice = (counted: number, here: number): string =>
  `the header counts ${plural(counted, "entry", "entries")}, ${countWords(here)} are here: what is said of events that are missing relies on ` +
  "none of the others being one of them";

export function decode(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to)).replace(/\r$/, "");
}

/** The beginning of a line for a message: printable, and short. */
export function shown(bytes: Uint8Array, from: number, to: number): string {
  const text = decode(bytes, from, Math.min(to, from + 240)).trim();
  const clean = text.replace(/[^\x20-\x7e]/g, "?").replace(/\s+/g, " ");
  return clean.length > 60 ? `"${clean.slice(0, 60)}..."` : `"${clean}"`;
}

/** @param before and `time` in microseconds, or in the clock's own units when `ticks`. */
export function clockNotice(before: number, time: number, ticks: boolean): string {
  const step = ticks ? `${before} to ${time}` : `${before / 1e6} s to ${time / 1e6} s`;
  return (
    `expected times that do not run back, found a step from ${step}: ` +
    "events of another clock follow, in the order of the file"
  );
}

export const ticksNotice =
  "expected seconds with decimals, found whole numbers: times are in the clock's own units, not seconds";

export function namesNotice(max: number): string {
  return `expected at most ${max} different names, found more: those of further tasks or devices left out`;
}
