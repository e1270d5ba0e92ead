/** ELF cores, LiME and flattened dumps as their writers make them, and what a mischievous writer would make. */
import type { Rng } from "../../../src/base/rng.js";
import { type Frames, frameBytes } from "./memory_model.js";

/** Bytes of memory at an address. */
export interface Part {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Frames in a row joined to parts, at most `longest` frames each. */
export function partsOf(frames: Frames, longest = 64): Part[] {
  const runs: number[][] = [];
  for (const f of [...frames.keys()].toSorted((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === f - 1 && run.length < longest) run.push(f);
    else runs.push([f]);
  }
  return runs.map((run) => ({
    address: run[0]! * frameBytes,
    bytes: Buffer.concat(run.map((f) => frames.get(f)!)),
  }));
}

export interface ElfShape {
  readonly bits: 64 | 32;
  readonly machine?: number;
  readonly type?: number;
  /** 1 little, 2 big: the mark only. */
  readonly order?: number;
  /** The number of segments in the first section header, and 0xffff where it usually stands. */
  readonly extended?: boolean;
  /** p_memsz beyond p_filesz. */
  readonly beyond?: number;
  /** Bytes put before each part, so that offsets are odd. */
  readonly gap?: number;
  readonly entryBytes?: number;
}

/** Offsets of the fields of an ELF file. Source: gABI, Elf64_Ehdr, Elf64_Phdr and the 32-bit ones. */
export function writeElf(parts: readonly Part[], shape: ElfShape): Uint8Array {
  const wide = shape.bits === 64;
  const entryBytes = shape.entryBytes ?? (wide ? 56 : 32);
  const headerBytes = wide ? 64 : 52;
  const sectionBytes = wide ? 64 : 40;
  const count = parts.length + 1;
  const tableAt = headerBytes + sectionBytes;
  const dataAt = tableAt + count * entryBytes;
  const gap = shape.gap ?? 0;
  const size = parts.reduce((sum, p) => sum + p.bytes.length + gap, dataAt);
  const file = new Uint8Array(size);
  const v = new DataView(file.buffer);
  const number = (at: number, n: number) => {
    v.setUint32(at, n % 2 ** 32, true);
    if (wide) v.setUint32(at + 4, Math.floor(n / 2 ** 32), true);
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, shape.order ?? 1, 1]);
  v.setUint16(16, shape.type ?? 4, true);
  v.setUint16(18, shape.machine ?? (wide ? 62 : 3), true);
  number(wide ? 32 : 28, tableAt);
  number(wide ? 40 : 32, headerBytes);
  v.setUint16(wide ? 54 : 42, entryBytes, true);
  v.setUint16(wide ? 56 : 44, shape.extended === true ? 0xffff : count, true);
  v.setUint32(headerBytes + (wide ? 44 : 28), count, true);
  v.setUint32(tableAt, 4, true);
  let at = dataAt;
  parts.forEach((p, i) => {
    const entry = tableAt + (i + 1) * entryBytes;
    at += gap;
    v.setUint32(entry, 1, true);
    const fields = wide ? [8, 16, 24, 32, 40] : [4, 8, 12, 16, 20];
    const values = [at, 0, p.address, p.bytes.length, p.bytes.length + (shape.beyond ?? 0)];
    for (const [k, f] of fields.entries()) number(entry + f, values[k]!);
    file.set(p.bytes, at);
    at += p.bytes.length;
  });
  return file;
}

export function writeLime(parts: readonly Part[], o: { version?: number } = {}): Uint8Array {
  return joined(
    parts.flatMap((p) => {
      const header = Buffer.alloc(32);
      header.write("EMiL", "latin1");
      header.writeUInt32LE(o.version ?? 1, 4);
      header.writeBigUInt64LE(BigInt(p.address), 8);
      header.writeBigUInt64LE(BigInt(p.address + p.bytes.length - 1), 16);
      return [header, p.bytes];
    }),
  );
}

/**
 * Cut a file into records in random order, some of them written over later, as makedumpfile does with headers.
 * @param o.ended false leaves out the end mark; `stale` false writes nothing twice
 */
export function flatten(
  file: Uint8Array,
  rng: Rng,
  o: { longest: number; ended?: boolean; stale?: boolean },
): Uint8Array {
  const records: { offset: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Math.min(file.length - at, 1 + rng.below(o.longest));
    records.push({ offset: at, bytes: file.subarray(at, at + length) });
    at += length;
  }
  const stale = records
    .filter(() => o.stale !== false && rng.below(8) === 0)
    .map((r) => ({ ...r, bytes: new Uint8Array(r.bytes.length).fill(0xee) }));
  for (let i = records.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [records[i], records[j]] = [records[j]!, records[i]!];
  }
  const head = Buffer.alloc(4096);
  head.write("makedumpfile", "latin1");
  head.writeBigInt64BE(1n, 16);
  head.writeBigInt64BE(1n, 24);
  const header = (offset: number, length: number) => {
    const b = Buffer.alloc(16);
    b.writeBigInt64BE(BigInt(offset), 0);
    b.writeBigInt64BE(BigInt(length), 8);
    return b;
  };
  const body = [...stale, ...records].flatMap((r) => [header(r.offset, r.bytes.length), r.bytes]);
  return joined([head, ...body, ...(o.ended === false ? [] : [header(-1, -1)])]);
}

/** Bytes in a row, as an array of their own: slices of a Buffer would share them. */
export const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
