/** Numbers as a reader wants them. */
import { slotBytes } from "../../spec/swiotlb/sizes.js";

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** "258048 bytes (252 KiB)" needs the second half: whole when it is, else one decimal. */
export function bytesInWords(bytes: number): string {
  let unit = 0,
    value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

/** "1 slot", "34 slots". */
export function counted(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}

/** "512 slots (1 MiB)". */
export function slotsInWords(slots: number): string {
  return `${counted(slots, "slot")} (${bytesInWords(slots * slotBytes)})`;
}

/** "92 %", and "99.9 %" where the rest is what counts; never rounded up to 100. */
export function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  return share > 99 && share < 100 ? `${Math.min(99.9, Math.round(share * 10) / 10)} %` : `${Math.floor(share)} %`;
}
