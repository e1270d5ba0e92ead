/** A page of a kdump file: kept as it was, or packed in one of four ways. */
import type { Inflate } from "../../inflate.js";
import type { Decompress } from "../../zstd.js";
import { unpackLzo1x } from "./lzo1x.js";
import { unpackSnappy } from "./snappy.js";

/** Flags of a page descriptor. Source: makedumpfile's diskdump_mod.h. */
export const Packed = { zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 } as const;

/** What has to be set up before pages are read. */
export interface Unpackers {
  readonly inflate: Inflate;
  readonly zstd: Decompress;
}

/** @returns null when `into` is filled with the page; otherwise what was found instead. */
export function unpackPage(flags: number, from: Uint8Array, into: Uint8Array, by: Unpackers): string | null {
  const packed = flags & (Packed.zlib | Packed.lzo | Packed.snappy | Packed.zstd);
  let name = "plain";
  let length: number;
  try {
    if (packed === 0) {
      length = from.length;
      if (length === into.length) into.set(from);
    } else if ((packed & Packed.zlib) !== 0) {
      name = "zlib";
      length = place(by.inflate(from, into.length), into);
    } else if ((packed & Packed.lzo) !== 0) {
      name = "LZO";
      length = unpackLzo1x(from, into);
    } else if ((packed & Packed.snappy) !== 0) {
      name = "snappy";
      length = unpackSnappy(from, into);
    } else {
      name = "zstd";
      by.zstd(from, into);
      length = into.length;
    }
  } catch {
    length = -1;
  }
  if (length === into.length) return null;
  return length < 0 ? `${name} data that does not unpack` : `${name} data of ${length} bytes`;
}

function place(bytes: Uint8Array, into: Uint8Array): number {
  if (bytes.length === into.length) into.set(bytes);
  return bytes.length;
}
