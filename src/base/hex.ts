/** Numbers as addresses and codes are written, and back. */

/** Hexadecimal digits without a prefix, at least so many of them. */
export const hexDigits = (n: number | bigint, count = 1): string => n.toString(16).padStart(count, "0");

/** `0x1f`; with a count, zeros in front of shorter ones. */
export const hex = (n: number | bigint, count = 1): string => `0x${hexDigits(n, count)}`;

/** The number that hexadecimal digits stand for, exact up to 2^53; NaN for text that begins with none. */
export const parseHex = (digits: string): number => Number.parseInt(digits, 16);
