/** Files that are memory and nothing else: QEMU's RAM file, `pmemsave`, `dd` of /dev/mem, VMware's .vmem. */
import { Misuse } from "../../base/assert.js";
import type { ByteSource } from "../bytes.js";
import { addressMax, type Piece } from "./piece.js";

export interface RawOptions {
  /** Physical address of the file's first byte; 0 unless given. */
  readonly base?: number | undefined;
  /**
   * Bytes of the file that are memory below 4 GiB; what follows them in the file begins at 4 GiB. QEMU's x86 machines
   * are so: a `q35` with at least 2.75 GiB has 2 GiB below, an `i440fx` with at least 3.5 GiB has 3 GiB below, and
   * one with less has all of its memory there.
   */
  readonly ramLow?: number | undefined;
  /** Where each part of the file stands in memory, when it is none of the above. */
  readonly layout?: readonly Piece[] | undefined;
}

const fourGibibytes = 2 ** 32;
/** Source: x86-64 (Intel SDM 3A, 4.1.4) and Armv8 (FEAT_LPA) alike. */
const physicalMax = 2 ** 52;

/** @throws Misuse `bad-layout` for numbers that are no addresses, and for two ways to say the same. */
export function rawPieces(source: ByteSource, o: RawOptions): readonly Piece[] {
  if (o.layout !== undefined) {
    if (o.base !== undefined || o.ramLow !== undefined)
      throw new Misuse("bad-layout", "a layout with a base or ramLow");
    for (const p of o.layout) {
      whole("fileOffset", p.fileOffset);
      whole("address", p.address);
      whole("bytes", p.bytes);
    }
    return o.layout;
  }
  const base = whole("base", o.base ?? 0);
  const low = Math.min(source.size, whole("ramLow", o.ramLow ?? source.size));
  if (base + source.size > physicalMax) {
    throw new Misuse("bad-layout", `${source.size} bytes from ${base} on; physical memory ends at 2^52`);
  }
  if (o.ramLow !== undefined && base + low > fourGibibytes) {
    throw new Misuse("bad-layout", `ramLow of ${o.ramLow} bytes; memory below 4 GiB ends at ${fourGibibytes}`);
  }
  return [
    { fileOffset: 0, address: base, bytes: low },
    { fileOffset: low, address: fourGibibytes, bytes: source.size - low },
  ];
}

function whole(what: string, n: number): number {
  if (Number.isSafeInteger(n) && n >= 0 && n <= addressMax) return n;
  throw new Misuse("bad-layout", `${what} of ${n}; it is a whole number of bytes from 0 to 2^53`);
}
