/**
 * The flattened format: makedumpfile's `-F`, and what QEMU makes of kdump. The bytes of a dump in the order in which
 * they were written, each run behind a header that says where it belongs. Read where it stands: by an
 * index, without a second file.
 *
 * Source: makedumpfile(8) and its IMPLEMENTATION notes; headers are big-endian.
 */

import { hex } from "../../base/hex.js";
import { u64 } from "../../base/u64.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable, type Warnings } from "../unreadable.js";
import { disjoint } from "./disjoint.js";
import { lastNotAbove } from "./frame_table.js";

/** Bytes before the first record. */
const headerBytes = 4096;
const recordBytes = 16;
/** Records beyond this are left out: QEMU writes one for 16 KiB, so that 128 GiB of memory fit. */
const recordsMax = 2 ** 23;
/** Headers looked at in one reading, where records are short. */
const windowBytes = 2 ** 16;

/**
 * @returns the dump as if it had been written to a disk: bytes that were never written are zeros. When the file was cut
 *   such bytes are unknown instead: reading stops short before them.
 * @throws Unreadable when not one record is there.
 */
export function openFlattened(source: ByteSource, warnings: Warnings): ByteSource {
  const records = recordsOf(source, warnings);
  if (records.count === 0) {
    throw new Unreadable(source.name, `offset ${hex(headerBytes)}`, "a record of a flattened dump", "none");
  }
  const parts = disjoint(records, "last");
  const from = parts.from.subarray(0, parts.count);
  return {
    name: source.name,
    size: parts.to[parts.count - 1]!,
    read(offset, into) {
      const end = Math.min(offset + into.length, parts.to[parts.count - 1]!);
      if (!(end > offset)) return 0;
      const wanted = end - offset;
      let done = 0;
      for (let i = Math.max(0, lastNotAbove(from, offset)); done < wanted; i++) {
        const start = i < parts.count ? Math.min(from[i]!, end) : end;
        if (start > offset + done) {
          if (records.cut) return done;
          into.fill(0, done, start - offset);
          done = start - offset;
        }
        if (i >= parts.count || done >= wanted) break;
        const at = offset + done;
        const count = Math.min(parts.to[i]!, end) - at;
        if (count <= 0) continue;
        const which = parts.which[i]!;
        const where = records.fileOffset[which]! + (at - records.from[which]!);
        const held = source.read(where, into.subarray(done, done + count));
        done += held;
        if (held < count) return done;
      }
      return done;
    },
  };
}

interface Records {
  count: number;
  /** The end mark is missing: more records may have been there. */
  cut: boolean;
  from: Float64Array;
  to: Float64Array;
  fileOffset: Float64Array;
}

/** Where each record's bytes belong and stand. A record that the file's end cuts is kept as far as it goes. */
function recordsOf(source: ByteSource, warnings: Warnings): Records {
  const r: Records = {
    count: 0,
    cut: true,
    from: new Float64Array(1024),
    to: new Float64Array(1024),
    fileOffset: new Float64Array(1024),
  };
  const headers = new Headers(source);
  let empty = 0;
  for (let at = headerBytes; ; ) {
    const stop = (expected: string, found: string) =>
      warnings.add(`offset ${hex(at)}`, `expected ${expected}, found ${found}; the rest of the dump is left out`);
    const header = headers.at(at);
    if (header === null) {
      stop("a record or the end mark of a flattened dump", "the end of the file");
      return r;
    }
    const offset = u64(header.getUint32(4), header.getInt32(0));
    const bytes = u64(header.getUint32(12), header.getInt32(8));
    if (offset === -1 && bytes === -1) {
      r.cut = false;
      return r;
    }
    if (offset < 0 || bytes < 0 || offset + bytes > Number.MAX_SAFE_INTEGER || (bytes === 0 && ++empty > recordsMax)) {
      stop("a record of a flattened dump", `offset ${offset}, ${bytes} bytes`);
      return r;
    }
    if (r.count === recordsMax) {
      stop(`at most ${recordsMax} records`, "more");
      return r;
    }
    at += recordBytes;
    const held = Math.min(bytes, source.size - at);
    if (held > 0) add(r, offset, held, at);
    if (held < bytes) {
      stop(`${bytes} bytes`, `${held}`);
      return r;
    }
    at += bytes;
  }
}

function add(r: Records, from: number, bytes: number, fileOffset: number): void {
  if (r.count === r.from.length) {
    for (const column of ["from", "to", "fileOffset"] as const) {
      const longer = new Float64Array(r.count * 2);
      longer.set(r[column]);
      r[column] = longer;
    }
  }
  r.from[r.count] = from;
  r.to[r.count] = from + bytes;
  r.fileOffset[r.count++] = fileOffset;
}

/** Record headers: read alone where records are long, many at once where they are short. */
class Headers {
  readonly #source: ByteSource;
  readonly #bytes = new Uint8Array(windowBytes);
  readonly #view = new DataView(this.#bytes.buffer);
  #from = 0;
  #held = 0;
  #dense = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  at(offset: number): DataView | null {
    const inside = offset - this.#from;
    if (inside >= 0 && inside + recordBytes <= this.#held) {
      return new DataView(this.#bytes.buffer, inside, recordBytes);
    }
    this.#dense = inside < windowBytes;
    this.#from = offset;
    this.#held = this.#source.read(offset, this.#dense ? this.#bytes : this.#bytes.subarray(0, recordBytes));
    return this.#held < recordBytes ? null : this.#view;
  }
}
