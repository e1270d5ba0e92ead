/** Numbers as people read them, on the page. */

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${units[unit]}`;
}

export const number = (count: number): string => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

/** Seconds with six decimals, from microseconds. */
export const seconds = (microseconds: number): string => `${(microseconds / 1e6).toFixed(6)} s`;

/** Seconds with as many decimals as steps of `step` microseconds need. */
export function shortSeconds(microseconds: number, step: number): string {
  let digits = 0;
  const whole = Math.max(1, Math.round(step));
  while (digits < 6 && whole % 10 ** (6 - digits) !== 0) digits++;
  return `${(microseconds / 1e6).toFixed(digits)} s`;
}

export function share(part: number, whole: number): string {
  if (whole === 0) return "–";
  const percent = (part / whole) * 100;
  if (part > 0 && percent < 0.1) return "<0.1 %";
  if (part < whole && percent > 99.9) return ">99.9 %";
  return `${percent.toFixed(1).replace(/\.0$/, "")} %`;
}

export const hex = (address: number): string => (address === -1 ? "0xffffffffffffffff" : `0x${address.toString(16)}`);

/** The same words, begun with a capital. */
export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The same words as a sentence. */
export const sentence = (text: string): string => capital(text) + (/[.!?]$/.test(text) ? "" : ".");
