/**
 * Files as byte sources. What the user names: plain files, `.gz` and `.zst` by their
 * content, and standard input as `-`.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGunzip, type Gunzip } from "node:zlib";
import type { ByteSource } from "../read/bytes.js";
import { Unreadable } from "../read/unreadable.js";
import { openZstd } from "../read/zstd.js";
import { openRegular, readAt, reason } from "./descriptor.js";

/** A compressed file may not grow beyond this: 64 GiB. */
const unpackedMax = 2 ** 36;
/** A .zst file is unpacked in memory, so it may not grow beyond this. */
const zstdUnpackedMax = 2 ** 30;

export interface Input extends ByteSource {
  /** What had to be left out before any reader saw a byte; null when nothing was. */
  readonly damage: string | null;
  close(): void;
}

/** @throws Unreadable for a missing file, a directory, an empty or damaged one. */
export async function openInput(path: string): Promise<Input> {
  const plain = path === "-" ? await spoolStdin() : openPlain(path);
  if (plain.size === 0) {
    plain.close();
    throw new Unreadable(path, "", "a recording or a log", "an empty file");
  }
  const magic = new Uint8Array(4);
  plain.read(0, magic);
  if (magic[0] === 0x1f && magic[1] === 0x8b) return unpackGzip(plain);
  if (magic[0] === 0x28 && magic[1] === 0xb5 && magic[2] === 0x2f && magic[3] === 0xfd) return unpackZstd(plain);
  return plain;
}

function openPlain(path: string): Input {
  const { fd, stat } = openRegular(path, { readable: "a readable file", file: "a file" });
  return fromDescriptor(path, fd, stat.size, null);
}

function fromDescriptor(name: string, fd: number, size: number, damage: string | null): Input {
  return {
    name,
    size,
    damage,
    read: (offset, into) => readAt(fd, offset, into),
    close: () => closeSync(fd),
  };
}

/** A file that is gone from its folder at once and from the disk when it is closed. */
function scratch(): number {
  const folder = mkdtempSync(join(tmpdir(), "dmalab-"));
  const fd = openSync(join(folder, "unpacked"), "w+", 0o600);
  rmSync(folder, { recursive: true });
  return fd;
}

async function spoolStdin(): Promise<Input> {
  const fd = scratch();
  let size = 0;
  for await (const chunk of process.stdin) size += writeSync(fd, chunk as Uint8Array);
  return fromDescriptor("standard input", fd, size, null);
}

/** A stream that ends early gives what it held so far, and says so. */
async function unpackGzip(packed: Input): Promise<Input> {
  const fd = scratch();
  const gunzip = createGunzip();
  let size = 0;
  let damage: string | null = null;
  const drained = (async () => {
    for await (const chunk of gunzip) {
      size += writeSync(fd, chunk as Uint8Array);
      if (size > unpackedMax) throw new Unreadable(packed.name, "", `at most ${unpackedMax} bytes unpacked`, "more");
    }
  })().catch((error: unknown) => {
    if (error instanceof Unreadable) throw error;
    damage = `the gzip data is damaged or cut (${reason(error)}); ${size} bytes before that were read`;
  });
  const block = new Uint8Array(1 << 20);
  for (let at = 0; at < packed.size && damage === null && !gunzip.destroyed; ) {
    const n = packed.read(at, block);
    if (n === 0) break;
    at += n;
    if (!gunzip.write(block.slice(0, n))) await Promise.race([onceDrained(gunzip), drained]);
  }
  if (!gunzip.destroyed) gunzip.end();
  await drained;
  packed.close();
  if (size === 0) {
    closeSync(fd);
    throw new Unreadable(packed.name, "offset 0x0", "gzip data", "data that does not unpack");
  }
  return fromDescriptor(packed.name, fd, size, damage);
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

async function unpackZstd(packed: Input): Promise<Input> {
  const bytes = new Uint8Array(packed.size);
  packed.read(0, bytes);
  packed.close();
  const size = contentSize(bytes);
  if (size === null || size > zstdUnpackedMax) {
    const found = size === null ? "one that does not state it" : `${size} bytes`;
    throw new Unreadable(packed.name, "", `a zstd frame that states a size of at most ${zstdUnpackedMax} bytes`, found);
  }
  let out: Uint8Array;
  try {
    out = (await openZstd())(bytes, size);
  } catch (error) {
    throw new Unreadable(packed.name, "", "zstd data", reason(error));
  }
  return {
    name: packed.name,
    size: out.length,
    damage: null,
    read(offset, into) {
      const part = out.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    close: () => {},
  };
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
