/** Compressed sources, told by their first bytes and unpacked into memory. */

import type { Paced } from "../base/paced.js";
import { u64At } from "../base/u64.js";
import { type ByteSource, memorySource } from "./bytes.js";
import { Unreadable } from "./unreadable.js";
import { openZstd } from "./zstd.js";

export type Packing = "gzip" | "zstd";

/** Source: RFC 1952, 2.3.1; RFC 8878, 3.1.1. */
const magics: readonly (readonly [Packing, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** @returns null for a source that is not compressed. */
export function packingOf(source: ByteSource): Packing | null {
  const head = new Uint8Array(4);
  source.read(0, head);
  return magics.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? null;
}

/** A source that was unpacked. */
export interface Unpacked extends ByteSource {
  /** What had to be left out; null when nothing was. */
  readonly damage: string | null;
}

/** What unpacks in memory stays below this: 4 GiB. */
const unpackedMax = 2 ** 32;
/** A .zst file is unpacked at once, so it may not grow beyond this. */
const zstdUnpackedMax = 2 ** 30;
const pieceBytes = 1 << 20;

/** What a gzip stream that ends early leaves out. */
export const gzipDamage = (reason: string, bytes: number): string =>
  `the gzip data is damaged or cut (${reason}); ${bytes} bytes before that were read`;

/** @throws Unreadable when nothing of it unpacks. */
export const noGzip = (name: string): Unreadable =>
  new Unreadable(name, "offset 0x0", "gzip data", "data that does not unpack");

/** Set up what unpacks gzip data. Only this needs to wait. */
export async function openGunzip(): Promise<(packed: ByteSource) => Paced<Unpacked>> {
  const { ZStream, zlibInflate, zlibInflateInit2, zlibInflateReset, Z_NO_FLUSH, Z_OK, Z_BUF_ERROR, Z_STREAM_END } =
    await import("pako");
  return function* gunzip(packed) {
    const stream = new ZStream();
    zlibInflateInit2(stream, 15 + 16);
    const block = new Uint8Array(pieceBytes / 8);
    const out = new GrowingBytes(statedSize(packed));
    let at = 0;
    let damage: string | null = null;
    for (;;) {
      if (stream.avail_in === 0) {
        stream.avail_in = packed.read(at, block);
        if (stream.avail_in === 0) {
          damage = gzipDamage("unexpected end of file", out.length);
          break;
        }
        at += stream.avail_in;
        stream.input = block;
        stream.next_in = 0;
      }
      stream.output = out.room(pieceBytes);
      stream.next_out = 0;
      stream.avail_out = stream.output.length;
      const done = zlibInflate(stream, Z_NO_FLUSH);
      out.length += stream.next_out;
      if (out.length > unpackedMax)
        throw new Unreadable(packed.name, "", `at most ${unpackedMax} bytes unpacked`, "more");
      if (done === Z_STREAM_END) {
        // Another member may follow (RFC 1952, 2.2); zeros are padding, as Node and gzip take them.
        const next = new Uint8Array(1);
        if (packed.read(at - stream.avail_in, next) === 0 || next[0] === 0) break;
        zlibInflateReset(stream);
      } else if (done !== Z_OK && done !== Z_BUF_ERROR) {
        damage = gzipDamage(stream.msg === "" ? "unknown error" : stream.msg, out.length);
        break;
      }
      yield at / packed.size;
    }
    if (out.length === 0) throw noGzip(packed.name);
    return { ...memorySource(packed.name, out.bytes()), damage };
  };
}

/** @throws Unreadable for data that is damaged, does not state its size, or states too much. */
export async function unpackZstd(packed: ByteSource): Promise<Unpacked> {
  const bytes = packed.bytes ?? new Uint8Array(packed.size);
  if (packed.bytes === undefined) packed.read(0, bytes);
  const size = contentSize(bytes);
  if (size === null || size > zstdUnpackedMax) {
    const wanted = `a zstd frame that states a size of at most ${zstdUnpackedMax} bytes`;
    throw new Unreadable(packed.name, "", wanted, size === null ? "one that does not state it" : `${size} bytes`);
  }
  const unpack = await openZstd();
  try {
    const unpacked = new Uint8Array(size);
    unpack(bytes, unpacked);
    return { ...memorySource(packed.name, unpacked), damage: null };
  } catch (error) {
    throw new Unreadable(packed.name, "", "zstd data", error instanceof Error ? error.message : String(error));
  }
}

/** Frame content size of a zstd frame. Source: RFC 8878, 3.1.1.1. */
function contentSize(bytes: Uint8Array): number | null {
  const descriptor = bytes[4] ?? 0;
  const code = descriptor >> 6;
  const single = (descriptor & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < at + 8) return null;
  if (code === 0) return single ? view.getUint8(at) : null;
  if (code === 1) return view.getUint16(at, true) + 256;
  if (code === 2) return view.getUint32(at, true);
  return u64At(view, at);
}

/** Deflate packs 1032 to 1 at the most: a size beyond that is a lie. Source: zlib's technical details. */
const densest = 1032;

/** What the last member says of its length, which is all of it as a rule. Source: RFC 1952, 2.3.1 (ISIZE). */
function statedSize(packed: ByteSource): number {
  const tail = new Uint8Array(4);
  if (packed.read(Math.max(0, packed.size - 4), tail) < 4) return 0;
  const size = new DataView(tail.buffer).getUint32(0, true);
  return size <= packed.size * densest ? size : 0;
}

/** Bytes that come piece by piece. */
class GrowingBytes {
  length = 0;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(expected: number) {
    // One more, so that there is room while the end is read.
    this.#bytes = new Uint8Array(expected + 1);
  }

  /** @returns room behind what is there, up to `most` bytes of it; `length` is then counted up by who filled it. */
  room(most: number): Uint8Array<ArrayBuffer> {
    if (this.length === this.#bytes.length) {
      const wider = new Uint8Array(Math.max(pieceBytes, this.length * 2));
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    return this.#bytes.subarray(this.length, this.length + most);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}
