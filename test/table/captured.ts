/** The captured images as memory, and their tables with the truth beside them. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Mfn } from "../../src/base/index.js";
import { type MemorySegment, SegmentView } from "../../src/mem/index.js";
import type { TableRoot } from "../../src/table/index.js";

export const captures = ["vtd-legacy-strict", "vtd-scalable", "vtd-ats", "amdvi", "vtd-scalable-fs", "smmuv3"] as const;

export interface Leaf {
  readonly iova: number;
  readonly paddr: number;
  readonly bytes: number;
  readonly allow: number;
}

const file = (capture: string, name: string) =>
  gunzipSync(readFileSync(new URL(`../../fixtures/${capture}/${name}`, import.meta.url)));

/** The loadable parts of an ELF core, little endian, 64 bits. */
export function imageOf(capture: string): SegmentView {
  const bytes = file(capture, "mem.elf.gz");
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = (offset: number) => Number(header.getBigUint64(offset, true));
  const segments: MemorySegment[] = [];
  for (let i = 0; i < header.getUint16(56, true); i++) {
    const p = at(32) + i * header.getUint16(54, true);
    if (header.getUint32(p, true) !== 1) continue;
    const size = at(p + 32);
    const words = new Uint32Array(
      bytes.buffer.slice(bytes.byteOffset + at(p + 8), bytes.byteOffset + at(p + 8) + size),
    );
    segments.push({ first: (at(p + 24) / 4096) as Mfn, frameCount: size / 4096, words });
  }
  return new SegmentView(segments);
}

/** One table for each device that is translated, with the leaves that it must have, in ascending order. */
export function tablesOf(capture: string): { device: string; root: TableRoot; leaves: Leaf[] }[] {
  const lines = file(capture, "mem.mappings.txt.gz").toString().split("\n");
  const tables = lines.flatMap((line) => {
    const [, device] = line.split(" ") as [string, string];
    const value = (name: string) => Number(new RegExp(`\\b${name}=(\\S+)`).exec(line)?.[1]);
    const root = rootIn(line, value);
    return root === null ? [] : [{ device, root, leaves: [] as Leaf[] }];
  });
  for (const line of lines.filter((l) => l.startsWith("map "))) {
    const [, device, , , iova, paddr, size, rights] = line.split(" ") as string[];
    const allow = (rights![0] === "r" ? 1 : 0) + (rights![1] === "w" ? 2 : 0);
    const leaf = { iova: Number(iova), paddr: Number(paddr), bytes: Number(size), allow };
    tables.find((t) => t.device === device)!.leaves.push(leaf);
  }
  return tables;
}

function rootIn(line: string, value: (name: string) => number): TableRoot | null {
  const common = { upper: "zero", outputBits: 48, allow: 3 } as const;
  const wide = { level: value("aw") + 1, inputBits: 30 + 9 * value("aw") };
  if (/^dev \S+ tt=/.test(line)) return { ...common, ...wide, format: "vtd-ss", address: value("slpt") };
  if (/pgtt=2/.test(line)) return { ...common, ...wide, format: "vtd-ss", address: value("slptr") };
  if (/pgtt=1/.test(line)) {
    return { ...common, format: "vtd-fs", address: value("flptr"), level: 3, inputBits: 48, upper: "sign" };
  }
  if (/mode=/.test(line)) {
    const mode = value("mode");
    return { ...common, format: "amdvi-v1", address: value("root"), level: mode - 1, inputBits: 12 + 9 * mode };
  }
  if (/^cd /.test(line)) return { ...common, format: "smmu-s1-4k", address: value("ttb0"), level: 3, inputBits: 48 };
  return null;
}
