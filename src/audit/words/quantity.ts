/** Sizes and shares as explanations have them. */
import { plural } from "../../base/count_words.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/**
 * "252 KiB", and "1.0 MiB" of what is not quite one: whole when it is, else with a decimal, so that limits and what exceeds
 * them by little do not read the same. What is only measured has the report's `bytesWords`.
 */
export function bytesInWords(bytes: number): string {
  let unit = 0,
    value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${bytes === 1 ? "byte" : units[unit]}`;
}

/** "5.373748 s", as ftrace prints times. */
export const secondsExactly = (microseconds: number): string => `${(microseconds / 1e6).toFixed(6)} s`;

/** "4096 bytes": a size as recordings print it, where it is to be found again in one. */
export const bytesExactly = (bytes: number): string => `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;

/** "512 slots (1 MiB)". */
export function slotsInWords(slots: number): string {
  return `${plural(slots, "slot")} (${bytesInWords(slots * slotBytes)})`;
}

/** "92 %", and "99.9 %" where the rest is what counts; never rounded up to 100. */
export function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  return share > 99 && share < 100 ? `${Math.min(99.9, Math.round(share * 10) / 10)} %` : `${Math.floor(share)} %`;
}
