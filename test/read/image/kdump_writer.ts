/** kdump-compressed files as makedumpfile and QEMU write them. Source: diskdump_mod.h of makedumpfile. */
import { deflateSync } from "node:zlib";
import { joined } from "./image_writer.js";
import { type Frames, frameBytes } from "./memory_model.js";

export type Packing = "none" | "zlib" | "lzo" | "snappy" | "zstd";

export interface KdumpShape {
  readonly bits: 64 | 32;
  readonly blockSize?: number;
  readonly packing?: Packing;
  readonly version?: number;
  /** uname -m; QEMU leaves the system's name empty. */
  readonly machine?: string;
  readonly sysname?: string;
  readonly status?: number;
  /** Pages of this part of a split dump. */
  readonly part?: { readonly first: number; readonly end: number };
  /** 64-bit numbers of the sub header aligned to 8 bytes on a 32-bit machine. */
  readonly aligned?: boolean;
  /** Bytes of a NT_PRSTATUS note to put into the file. */
  readonly registerBytes?: number;
}

const flagOf = { none: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 };

export function writeKdump(frames: Frames, shape: KdumpShape): Uint8Array {
  const blockSize = shape.blockSize ?? frameBytes;
  const perPage = blockSize / frameBytes;
  const version = shape.version ?? 6;
  const pages = pagesOf(frames, perPage);
  const pageCount = Math.max(0, ...pages.keys()) + 3;
  const bitmapBytes = Math.ceil(Math.ceil(pageCount / 8) / blockSize) * blockSize;
  const header = Buffer.alloc(2 * blockSize);
  const wide = shape.bits === 64;
  header.write("KDUMP   ", "latin1");
  header.writeInt32LE(version, 8);
  header.write(shape.sysname ?? "Linux", 12, "latin1");
  header.write(shape.machine ?? (wide ? "x86_64" : "i686"), 12 + 4 * 65, "latin1");
  const statusAt = wide ? 424 : 412;
  header.writeUInt32LE(0x1234_5678, statusAt - 8);
  [shape.status ?? 0, blockSize, 1, (2 * bitmapBytes) / blockSize, version >= 6 ? 0 : pageCount].forEach((n, i) => {
    header.writeUInt32LE(n, statusAt + 4 * i);
  });
  const notes = noteOf(shape.registerBytes ?? 0);
  writeSubHeader(header.subarray(blockSize), shape, { pageCount, version, noteOffset: 2 * blockSize - notes.length });
  notes.copy(header, 2 * blockSize - notes.length);

  const bitmap = new Uint8Array(bitmapBytes);
  for (const p of pages.keys()) bitmap[p >> 3]! |= 1 << (p & 7);
  const first = shape.part?.first ?? 0;
  const end = shape.part?.end ?? pageCount;
  const inPart = [...pages].filter(([p]) => p >= first && p < end).toSorted((a, b) => a[0] - b[0]);
  const descriptors = Buffer.alloc(inPart.length * 24);
  const data: Uint8Array[] = [];
  let at = header.length + 2 * bitmapBytes + descriptors.length;
  const zeros = { at: -1, size: 0, flags: 0 };
  inPart.forEach(([, page], i) => {
    const isZero = page.every((b) => b === 0);
    let place = { at, ...pack(page, shape.packing ?? "none") };
    if (isZero && zeros.at >= 0) place = { ...place, ...zeros };
    else {
      data.push(place.bytes);
      at += place.size;
      if (isZero) Object.assign(zeros, { at: place.at, size: place.size, flags: place.flags });
    }
    descriptors.writeBigUInt64LE(BigInt(place.at), i * 24);
    descriptors.writeUInt32LE(place.size, i * 24 + 8);
    descriptors.writeUInt32LE(place.flags, i * 24 + 12);
  });
  return joined([header, new Uint8Array(bitmapBytes).fill(0xff), bitmap, descriptors, ...data]);
}

function pagesOf(frames: Frames, perPage: number): Map<number, Uint8Array> {
  const pages = new Map<number, Uint8Array>();
  for (const [f, bytes] of frames) {
    const p = Math.floor(f / perPage);
    if (!pages.has(p)) pages.set(p, new Uint8Array(perPage * frameBytes));
    pages.get(p)!.set(bytes, (f % perPage) * frameBytes);
  }
  return pages;
}

function writeSubHeader(
  sub: Buffer,
  shape: KdumpShape,
  o: { pageCount: number; version: number; noteOffset: number },
): void {
  const wide = shape.bits === 64;
  const number = (at: number, n: number) => {
    if (wide) sub.writeBigUInt64LE(BigInt(n), at);
    else sub.writeUInt32LE(n, at);
  };
  const { first, end } = shape.part ?? { first: 0, end: 0 };
  sub.writeUInt32LE(shape.part === undefined ? 0 : 1, wide ? 12 : 8);
  number(wide ? 16 : 12, first % 2 ** 32);
  number(wide ? 24 : 16, end % 2 ** 32);
  if (shape.registerBytes !== undefined) {
    const noteAt = wide ? 48 : shape.aligned === true ? 40 : 32;
    sub.writeBigUInt64LE(BigInt(o.noteOffset), noteAt);
    number(noteAt + 8, 12 + 8 + shape.registerBytes);
  }
  if (o.version < 6) return;
  const at = wide ? 80 : shape.aligned === true ? 72 : 56;
  [first, end, o.pageCount].forEach((n, i) => {
    sub.writeBigUInt64LE(BigInt(n), at + 8 * i);
  });
}

/** NT_PRSTATUS of "CORE". */
function noteOf(registerBytes: number): Buffer {
  if (registerBytes === 0) return Buffer.alloc(0);
  const note = Buffer.alloc(12 + 8 + registerBytes);
  note.writeUInt32LE(5, 0);
  note.writeUInt32LE(registerBytes, 4);
  note.writeUInt32LE(1, 8);
  note.write("CORE", 12, "latin1");
  return note;
}

/** Packed when that makes it smaller, as the writers do. */
function pack(page: Uint8Array, packing: Packing): { bytes: Uint8Array; size: number; flags: number } {
  const packed =
    packing === "zlib"
      ? deflateSync(page)
      : packing === "lzo"
        ? packLzo(page)
        : packing === "snappy"
          ? packSnappy(page)
          : packing === "zstd"
            ? packZstd(page)
            : null;
  if (packed === null || packed.length >= page.length) return { bytes: page, size: page.length, flags: 0 };
  return { bytes: packed, size: packed.length, flags: flagOf[packing] };
}

/** The shortest period of at most 230 bytes; null when there is none. */
function periodOf(page: Uint8Array): number | null {
  for (let p = 1; p <= 230; p++) if (page.every((b, i) => i < p || b === page[i - p])) return p;
  return null;
}

function packLzo(page: Uint8Array): Uint8Array | null {
  const p = periodOf(page);
  if (p === null) return null;
  const out = [17 + p, ...page.subarray(0, p)];
  let rest = page.length - p - 2 - 31;
  out.push(32);
  for (; rest > 255; rest -= 255) out.push(0);
  const distance = (p - 1) << 2;
  return Uint8Array.from([...out, rest, distance & 255, distance >> 8, 17, 0, 0]);
}

function packSnappy(page: Uint8Array): Uint8Array | null {
  const p = periodOf(page);
  if (p === null) return null;
  const out: number[] = [];
  let size = page.length;
  for (; size >= 128; size >>= 7) out.push((size & 127) | 128);
  out.push(size, 60 << 2, p - 1, ...page.subarray(0, p));
  for (let rest = page.length - p; rest > 0; ) {
    const length = Math.min(64, rest);
    out.push(((length - 1) << 2) | 2, p & 255, p >> 8);
    rest -= length;
  }
  return Uint8Array.from(out);
}

/** One frame of one block that repeats a byte. Source: RFC 8878, 3.1.1. */
function packZstd(page: Uint8Array): Uint8Array | null {
  if (periodOf(page) !== 1) return null;
  const size = page.length - 256;
  const block = (page.length << 3) | (1 << 1) | 1;
  return Uint8Array.from([
    ...[0x28, 0xb5, 0x2f, 0xfd, 0x60, size & 255, size >> 8],
    ...[block & 255, (block >> 8) & 255, block >> 16, page[0]!],
  ]);
}
