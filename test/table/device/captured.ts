/** The bundled memory images and the truth beside them, for tests of device tables. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { mfn } from "../../../src/base/index.js";
import { type MemorySegment, SegmentView } from "../../../src/mem/index.js";
import { inBlocks } from "../../read/image/in_blocks.js";

export const captures = ["amdvi", "smmuv3", "vtd-ats", "vtd-legacy-strict", "vtd-scalable", "vtd-scalable-fs"] as const;

const fixture = (path: string) => fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url));

/** PT_LOAD parts of an ELF64 core, whole pages each. */
export function segmentsOf(name: string): MemorySegment[] {
  const bytes = gunzipSync(readFileSync(fixture(`${name}/mem.elf.gz`)));
  const headers = Number(bytes.readBigUInt64LE(32));
  const segments: MemorySegment[] = [];
  for (let n = 0; n < bytes.readUInt16LE(56); n++) {
    const at = headers + n * 56;
    if (bytes.readUInt32LE(at) !== 1) continue;
    const [offset, address, length] = [8, 24, 32].map((o) => Number(bytes.readBigUInt64LE(at + o))) as [
      number,
      number,
      number,
    ];
    const words = new Uint32Array(length / 4);
    new Uint8Array(words.buffer).set(bytes.subarray(offset, offset + length));
    segments.push({ first: mfn(address / 4096), frameCount: length / 4096, words });
  }
  return segments;
}

/** Segments as an image that can be read from end to end. */
export function imageOf(segments: readonly MemorySegment[]) {
  const numbers = segments.flatMap((s) => Array.from({ length: s.frameCount }, (_, n) => s.first + n));
  return inBlocks(
    new SegmentView(segments),
    numbers.sort((a, b) => a - b),
  );
}

export const memoryOf = (name: string) => new SegmentView(segmentsOf(name));
export const registersOf = (name: string) => readFileSync(fixture(`${name}/mem.registers.json`), "utf8");
export const unitOf = (name: string) => unitsFromRegisters(`${name}/mem.registers.json`, registersOf(name)).units[0]!;

/** Lines of the truth that begin with `dev`, `pasid` or `cd`. */
export function truthOf(name: string): string[] {
  const text = gunzipSync(readFileSync(fixture(`${name}/mem.mappings.txt.gz`))).toString();
  return text.split("\n").filter((line) => /^(dev|pasid|cd) /.test(line));
}
