/** Snappy blocks, without the framing format. Source: google/snappy, format_description.txt. */
import { copyBack } from "./copy_back.js";

/** @returns how many bytes `into` now holds; -1 for a block that is damaged or does not fit. */
export function unpackSnappy(from: Uint8Array, into: Uint8Array): number {
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = from[at++];
    if (byte === undefined || shift > 28) return -1;
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (size > into.length) return -1;
  let done = 0;
  while (at < from.length) {
    const tag = from[at++]!;
    const kind = tag & 3;
    /** Bytes of the length or the distance behind the tag. */
    const extra = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
    if (at + extra > from.length) return -1;
    let number = 0;
    for (let i = 0; i < extra; i++) number += from[at++]! * 2 ** (8 * i);
    if (kind === 0) {
      const length = (extra === 0 ? tag >> 2 : number) + 1;
      if (at + length > from.length || done + length > size) return -1;
      into.set(from.subarray(at, at + length), done);
      at += length;
      done += length;
      continue;
    }
    const length = kind === 1 ? 4 + ((tag >> 2) & 7) : (tag >> 2) + 1;
    const distance = kind === 1 ? ((tag >> 5) << 8) + number : number;
    if (done + length > size || !copyBack(into, done, distance, length)) return -1;
    done += length;
  }
  return done === size ? done : -1;
}
