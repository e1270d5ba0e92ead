/**
 * The memory of a described machine as an ELF core, and the registers of its IOMMU as a file: what `inspect` reads.
 *
 * All of memory is in the core. Frames that were never written share one block of zeros of the file, so that it is as long
 * as what was written. Source: System V gABI, chapters 4 and 5; the number of segments beyond 65,534: PN_XNUM.
 */
import { frameBytes } from "../../base/frame.js";
import type { Memory } from "../../mem/memory.js";

/** e_machine. Source: the ELF machine registry. */
const machines = { x86: 62, arm: 183, ia64: 50 } as const;
export type ElfArch = keyof typeof machines;

const headerBytes = 64;
const segmentBytes = 56;
const sectionBytes = 64;
/** Segments that share zeros are at most this long. */
const zeroFrames = 1024;
/** Frames between two that were written for which a segment of their own is not worth it. */
const gapMax = 16;
const extendedCount = 0xffff;

/** Neighbouring frames; `zero`: none of them was written. */
interface Run {
  readonly first: number;
  readonly count: number;
  readonly zero: boolean;
}

/** @returns the file piece by piece, in order */
export function* memoryCore(memory: Memory, arch: ElfArch): Generator<Uint8Array> {
  const runs = [...runsOf(memory)];
  const dataAt = Math.ceil((headerBytes + sectionBytes + runs.length * segmentBytes) / frameBytes) * frameBytes;
  yield headers(runs, dataAt, arch);
  yield new Uint8Array(zeroFrames * frameBytes);
  for (const { first, count, zero } of runs) {
    if (zero) continue;
    for (let n = first; n < first + count; n++) {
      const bytes = new Uint8Array(frameBytes);
      memory.read(n * frameBytes, bytes);
      yield bytes;
    }
  }
}

function* runsOf(memory: Memory): Generator<Run> {
  let from = 0;
  function* zerosTo(to: number): Generator<Run> {
    for (; from < to; from += zeroFrames) yield { first: from, count: Math.min(zeroFrames, to - from), zero: true };
    from = to;
  }
  const written = memory.writtenFrames;
  for (let n = 0; n < written.length; ) {
    const first = written[n]!;
    let last = first;
    for (n++; n < written.length && written[n]! - last <= gapMax; n++) last = written[n]!;
    yield* zerosTo(first);
    yield { first, count: last + 1 - first, zero: false };
    from = last + 1;
  }
  yield* zerosTo(memory.frameCount);
}

function headers(runs: readonly Run[], dataAt: number, arch: ElfArch): Uint8Array {
  const bytes = new Uint8Array(dataAt);
  const v = new DataView(bytes.buffer);
  const many = runs.length >= extendedCount;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 4, true);
  v.setUint16(18, machines[arch], true);
  v.setUint32(20, 1, true);
  put(v, 32, headerBytes + sectionBytes);
  v.setUint16(52, headerBytes, true);
  v.setUint16(54, segmentBytes, true);
  v.setUint16(56, many ? extendedCount : runs.length, true);
  if (many) {
    put(v, 40, headerBytes);
    v.setUint16(58, sectionBytes, true);
    v.setUint16(60, 1, true);
    v.setUint32(headerBytes + 44, runs.length, true);
  }
  let writtenAt = dataAt + zeroFrames * frameBytes;
  for (const [n, { first, count, zero }] of runs.entries()) {
    const at = headerBytes + sectionBytes + n * segmentBytes;
    const size = count * frameBytes;
    v.setUint32(at, 1, true);
    put(v, at + 8, zero ? dataAt : writtenAt);
    put(v, at + 24, first * frameBytes);
    put(v, at + 32, size);
    put(v, at + 40, size);
    if (!zero) writtenAt += size;
  }
  return bytes;
}

function put(v: DataView, at: number, value: number): void {
  v.setBigUint64(at, BigInt(value), true);
}

/** The registers of a unit, in the form that `inspect --registers` reads: words of 32 bits by physical address. */
export function registersText(
  kind: "vtd" | "amdvi" | "smmuv3",
  base: number,
  words: Iterable<readonly [offset: number, word: number]>,
): string {
  const hex = (n: number, digits: number) => `0x${n.toString(16).padStart(digits, "0")}`;
  const registers = Object.fromEntries([...words].map(([offset, word]) => [hex(base + offset, 8), hex(word, 8)]));
  return `${JSON.stringify({ kind, registers }, null, 1)}\n`;
}
