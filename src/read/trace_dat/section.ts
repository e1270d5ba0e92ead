/**
 * Sections of version 7: a header, and data that may be compressed.
 *
 * Source: trace-cmd.dat.v7(5), FORMAT OF THE SECTION HEADER, COMPRESSION FORMAT OF THE FILE SECTIONS.
 */
import type { ByteSource } from "../bytes.js";
import { type Inflate, openInflate } from "../inflate.js";
import { type Decompress, openZstd } from "../zstd.js";
import { Cursor } from "./cursor.js";

export interface Section {
  readonly id: number;
  readonly compressed: boolean;
  /** Behind the section header, as far as the section reaches. */
  readonly body: Cursor;
}

const compressedFlag = 1;
/** Larger than the event formats of any kernel (some 1.4 MB), and little enough to hold. */
const mostSectionBytes = 64 << 20;

export function readSection(source: ByteSource, little: boolean, offset: number): Section {
  const c = new Cursor(source, little, offset);
  const id = c.u16();
  const flags = c.u16();
  c.skip(4); // the number of a string that describes it
  const size = c.u64();
  const body = new Cursor(source, little, c.at, c.at + Math.min(size, c.left));
  return { id, compressed: (flags & compressedFlag) !== 0, body };
}

/** @returns the section's data, decompressed if need be. */
export function openSection(s: Section, name: string, part: string, decompress: Decompress | null): Cursor {
  const c = s.body;
  if (!s.compressed) return c;
  if (decompress === null) throw c.wrong("a section as it is", "a compressed one in a file of no compression");
  const packed = c.u32();
  const size = c.u32();
  if (size > mostSectionBytes) throw c.wrong(`a section of at most ${mostSectionBytes} bytes`, `one of ${size}`);
  const bytes = c.bytes(packed, part);
  const unpacked = new Uint8Array(size);
  try {
    decompress(bytes, unpacked);
    return Cursor.over(name, part, unpacked, c.little);
  } catch {
    throw c.wrong(`${size} bytes of ${part}, compressed`, "data that does not decompress to them");
  }
}

/** @returns how the file's sections are decompressed, null for not at all. */
export async function decompressor(c: Cursor, algorithm: string): Promise<Decompress | null> {
  if (algorithm === "none") return null;
  if (algorithm === "zlib") return exactly(await openInflate());
  if (algorithm === "zstd") return openZstd();
  throw c.wrong("compression none, zlib or zstd", JSON.stringify(algorithm));
}

const exactly =
  (inflate: Inflate): Decompress =>
  (bytes, into) => {
    const out = inflate(bytes, Math.max(into.length, 1));
    if (out.length !== into.length) throw new Error(`zlib data of ${out.length} bytes`);
    into.set(out);
  };
