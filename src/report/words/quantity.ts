/** Numbers as people read them. */
import { hex } from "../../base/hex.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/**
 * "512 bytes", "68 KiB", "1.5 MiB": binary units, at most one decimal and only where it says something. What is measured is
 * rounded; explanations, which reckon with sizes, have `bytesInWords`.
 */
export function bytesWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${unit === 0 && bytes === 1 ? "byte" : units[unit]!}`;
}

/** Size of so many swiotlb slots, in words. */
export const slotsWords = (slots: number): string => bytesWords(slots * slotBytes);

/** "13.162214 s" from microseconds: six decimals, as ftrace prints them. */
export const timeWords = (microseconds: number): string => `${secondsOf(microseconds).toFixed(6)} s`;

/** A length of time: "3.2 s", "14 ms", "250 µs". */
export function spanWords(microseconds: number): string {
  if (microseconds < 1000) return `${Math.round(microseconds)} µs`;
  if (microseconds < 1_000_000) return `${tidy(microseconds / 1000)} ms`;
  if (microseconds < 600_000_000) return `${tidy(microseconds / 1_000_000)} s`;
  return `${tidy(microseconds / 60_000_000)} min`;
}

const tidy = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, "");

/** Seconds with microsecond precision: the nearest double to the decimal that ftrace printed. */
export const secondsOf = (microseconds: number): number => Math.round(microseconds) / 1_000_000;

/** "2.3 %", "0 %", "<0.1 %"; "–" when there is no whole. */
export function shareWords(part: number, whole: number): string {
  if (whole === 0) return "–";
  const percent = (part / whole) * 100;
  if (part > 0 && percent < 0.1) return "<0.1 %";
  if (part < whole && percent > 99.9) return ">99.9 %";
  return `${percent.toFixed(1).replace(/\.0$/, "")} %`;
}

/**
 * "0xb000000". All ones (-1, what a failed mapping returns) is 64 ones; anything else that is no address is null.
 * Exact below 2^53.
 */
export function hexWords(address: number | null): string | null {
  if (address === -1) return "0xffffffffffffffff";
  if (address === null || !Number.isFinite(address) || address < 0) return null;
  return hex(address);
}
