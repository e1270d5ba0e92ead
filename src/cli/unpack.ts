/** Compressed inputs, unpacked before they are read. */
import { closeSync } from "node:fs";
import { basename } from "node:path";
import { createGunzip, type Gunzip } from "node:zlib";
import { memorySource } from "../read/bytes.js";
import { Unreadable } from "../read/unreadable.js";
import { openZstd } from "../read/zstd.js";
import { fromDescriptor, type Input, type Reader } from "./byte_input.js";
import { reason } from "./descriptor.js";
import { Unwritable } from "./misuse.js";
import type { Progress } from "./progress/progress.js";
import { Scratch } from "./scratch.js";

/** A compressed file may not grow beyond this: 64 GiB. */
const unpackedMax = 2 ** 36;
/** A .zst file is unpacked in memory, so it may not grow beyond this. */
const zstdUnpackedMax = 2 ** 30;

/** A stream that ends early gives what it held so far, and says so. */
export async function unpackGzip(packed: Input, reader: Reader): Promise<Input> {
  const progress = reader.progress(`unpacking ${basename(packed.name)}`);
  try {
    const scratch = new Scratch(packed.name);
    const damage = await gunzipInto(scratch, packed, progress);
    packed.close();
    if (scratch.size > 0) return fromDescriptor(packed.name, scratch.fd, scratch.size, damage);
    closeSync(scratch.fd);
    throw new Unreadable(packed.name, "offset 0x0", "gzip data", "data that does not unpack");
  } finally {
    progress.done();
  }
}

/** @returns what is wrong with the data; null when all of it was unpacked. */
async function gunzipInto(scratch: Scratch, packed: Input, progress: Progress): Promise<string | null> {
  const gunzip = createGunzip();
  let damage: string | null = null;
  const drained = (async () => {
    for await (const chunk of gunzip) {
      scratch.add(chunk as Uint8Array);
      if (scratch.size > unpackedMax) {
        throw new Unreadable(packed.name, "", `at most ${unpackedMax} bytes unpacked`, "more");
      }
    }
  })().catch((error: unknown) => {
    if (error instanceof Unreadable || error instanceof Unwritable) throw error;
    damage = `the gzip data is damaged or cut (${reason(error)}); ${scratch.size} bytes before that were read`;
  });
  // What goes wrong is told where it is waited for.
  drained.catch(() => {});
  const block = new Uint8Array(1 << 17);
  for (let at = 0; at < packed.size && damage === null && !gunzip.destroyed; ) {
    const n = packed.read(at, block);
    if (n === 0) break;
    at += n;
    if (!gunzip.write(block.slice(0, n))) await Promise.race([onceDrained(gunzip), drained]);
    progress.at(at / packed.size);
  }
  if (!gunzip.destroyed) gunzip.end();
  await drained;
  return damage;
}

/** Listeners are taken away again: a large file has thousands of blocks. */
function onceDrained(stream: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

export async function unpackZstd(packed: Input, reader: Reader): Promise<Input> {
  const progress = reader.progress(`unpacking ${basename(packed.name)}`);
  try {
    const bytes = new Uint8Array(packed.size);
    packed.read(0, bytes);
    packed.close();
    const size = contentSize(bytes);
    if (size === null || size > zstdUnpackedMax) {
      const wanted = `a zstd frame that states a size of at most ${zstdUnpackedMax} bytes`;
      throw new Unreadable(packed.name, "", wanted, size === null ? "one that does not state it" : `${size} bytes`);
    }
    const unpacked = memorySource(packed.name, await unpackedZstd(packed.name, bytes, size));
    return { ...unpacked, damage: null, close() {} };
  } finally {
    progress.done();
  }
}

async function unpackedZstd(name: string, bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const unpack = await openZstd();
  try {
    return unpack(bytes, size);
  } catch (error) {
    throw new Unreadable(name, "", "zstd data", reason(error));
  }
}

/** Frame content size of a zstd frame. Source: RFC 8878, 3.1.1.1. */
function contentSize(bytes: Uint8Array): number | null {
  const descriptor = bytes[4] ?? 0;
  const code = descriptor >> 6;
  const single = (descriptor & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (bytes.length < at + 8) return null;
  if (code === 0) return single ? view.getUint8(at) : null;
  if (code === 1) return view.getUint16(at, true) + 256;
  if (code === 2) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
