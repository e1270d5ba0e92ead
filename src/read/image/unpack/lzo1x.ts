/**
 * LZO1X, as lzo1x_1 and lzo1x_999 write it (version 0, without run lengths).
 * Source: the Linux kernel's Documentation/staging/lzo.rst, which describes the stream.
 */
import { copyBack } from "./copy_back.js";

/** Distance of the instruction that ends a stream. */
const endDistance = 16384;

/** @returns how many bytes `into` now holds; -1 for a stream that is damaged or does not fit. */
export function unpackLzo1x(from: Uint8Array, into: Uint8Array): number {
  const r = { from, at: 0 };
  let done = 0;
  /** How many literals the instruction before copied: 0, 1 to 3, or 4 for more. */
  let state = 0;
  const literals = (count: number): boolean => {
    if (r.at + count > from.length || done + count > into.length) return false;
    for (let i = 0; i < count; i++) into[done++] = from[r.at++]!;
    return true;
  };
  const first = from[0] ?? 0;
  if (first > 17) {
    r.at = 1;
    if (!literals(first - 17)) return -1;
    state = Math.min(4, first - 17);
  }
  while (r.at < from.length) {
    const code = from[r.at++]!;
    let length: number;
    let distance: number;
    /** Where the number of literals that follow is, in its low two bits. */
    let tail: number;
    if (code < 16 && state === 0) {
      length = 3 + extended(r, code, 15);
      if (!literals(length)) return -1;
      state = 4;
      continue;
    }
    if (code >= 16 && code < 64) {
      length = 2 + (code < 32 ? extended(r, code & 7, 7) : extended(r, code & 31, 31));
      if (r.at + 2 > from.length) return -1;
      const pair = from[r.at]! + from[r.at + 1]! * 256;
      r.at += 2;
      tail = pair;
      distance = code < 32 ? endDistance + ((code & 8) << 11) + (pair >> 2) : (pair >> 2) + 1;
      if (code < 32 && distance === endDistance) return done;
    } else {
      if (r.at === from.length) return -1;
      const high = from[r.at++]!;
      tail = code;
      if (code < 16) {
        length = state === 4 ? 3 : 2;
        distance = (high << 2) + ((code >> 2) & 3) + (state === 4 ? 2049 : 1);
      } else {
        length = code < 128 ? 3 + ((code >> 5) & 1) : 5 + ((code >> 5) & 3);
        distance = (high << 3) + ((code >> 2) & 7) + 1;
      }
    }
    if (!copyBack(into, done, distance, length)) return -1;
    done += length;
    state = tail & 3;
    if (!literals(state)) return -1;
  }
  return -1;
}

/** A length that did not fit its field: 0 there, then zero bytes of 255 each, then the rest. */
function extended(r: { from: Uint8Array; at: number }, field: number, full: number): number {
  if (field !== 0) return field;
  let length = full;
  while (r.from[r.at] === 0) {
    length += 255;
    r.at++;
  }
  return length + (r.from[r.at++] ?? 0);
}
