/**
 * Published tables and expectations: Linux's page-table unit tests (drivers/iommu/generic_pt/kunit_*.h, what they expect
 * of map_simple, pgsize_boundary, mixed and unmap_split) and the tables that QEMU's iommu-testdev tests place in memory
 * (tests/qtest, VT-d and SMMUv3).
 */
import { describe, expect, test } from "vitest";
import { Misuse } from "../../src/base/index.js";
import {
  type Allow,
  enumerate,
  formats,
  isReached,
  Mapper,
  planOf,
  Ranges,
  type TableRoot,
  Troubles,
  trace,
  walk,
} from "../../src/table/index.js";
import { Arena, rootOf, topFrames, upperBase, widthName, widths } from "./machines.js";

/** Leaves as `count x size`, in order, runs of one size together. */
function leavesOf(arena: Arena, root: TableRoot): string[] {
  const runs: { count: number; size: number }[] = [];
  const push = (_iova: number, _paddr: number, bytes: number, _allow: Allow, leaves: number) => {
    const size = bytes / leaves;
    const last = runs.at(-1);
    if (last?.size === size) last.count += leaves;
    else runs.push({ count: leaves, size });
  };
  enumerate(arena.memory, root, { push }, new Troubles());
  return runs.map((r) => `${r.count} x 2^${Math.log2(r.size)}`);
}

const four = widths.filter(([f, level]) => formats[f].granuleLg2 === 12 && level >= 2);

describe.each(four.map((w) => [widthName(w), w] as const))("%s", (_, [format, level, inputBits, more]) => {
  const fresh = () => {
    const arena = new Arena(topFrames(format, level, inputBits) + 256);
    const root = rootOf(arena, format, level, inputBits, { ...more, outputBits: more?.outputBits ?? 48, allow: 3 });
    const base = root.upper === "ones" ? upperBase(root) : 0;
    return { arena, root, base, mapper: new Mapper(arena.tables, root, arena.allocate) };
  };
  const gigabytes = !more?.lacks?.includes("pages-1g");

  test("map_simple: one leaf for each size that there is", () => {
    for (const lg2 of gigabytes ? [12, 21, 30] : [12, 21]) {
      const { arena, root, base, mapper } = fresh();
      const size = 2 ** lg2;
      if (inputBits <= 30 + (lg2 === 30 ? 1 : 0)) continue;
      mapper.map(base + size, size, size, 3);
      expect(leavesOf(arena, root)).toEqual([`1 x 2^${lg2}`]);
      expect(walk(planOf(root), arena.memory, root.address, (base + 2 * size - 4096) / 4096, 3)).toBe(
        (2 * size) / 4096 - 1,
      );
    }
  });

  test("pgsize_boundary: 0xfef80000 to 0xfef9ffff on 0x208b95d000", () => {
    const { arena, root, base, mapper } = fresh();
    if (inputBits <= 32 || root.outputBits < 38) return;
    mapper.map(base + 0xfef8_0000, 0x20_8b95_d000, 0x2_0000, 3);
    expect(leavesOf(arena, root)).toEqual(["32 x 2^12"]);
    const ranges = new Ranges();
    enumerate(arena.memory, root, ranges, new Troubles());
    expect([ranges.count, ranges.iova[0]! - base, ranges.paddr[0], ranges.bytes[0]]).toEqual([
      ...[1, 0xfef8_0000, 0x20_8b95_d000, 0x2_0000],
    ]);
  });

  test("mixed: 0x3fe400000 to 0x4c0600000 on itself is 14 x 2M, 3 x 1G, 3 x 2M", () => {
    const { arena, root, base, mapper } = fresh();
    if (inputBits <= 35 || !gigabytes) return;
    mapper.map(base + 0x3_fe40_0000, 0x3_fe40_0000, 0xc220_0000, 3);
    expect(leavesOf(arena, root)).toEqual(["14 x 2^21", "3 x 2^30", "3 x 2^21"]);
  });

  test("unmap_split: removing the first page of a large leaf removes it all, and not its neighbour", () => {
    const { arena, root, base, mapper } = fresh();
    mapper.map(base + 2 ** 21, 2 ** 21, 2 ** 22, 3);
    expect(mapper.unmap(base + 2 ** 21, 4096)).toBe(2 ** 21);
    expect(leavesOf(arena, root)).toEqual(["1 x 2^21"]);
    expect(() => mapper.unmap(base + 2 ** 22 + 4096, 4096)).toThrow(Misuse);
    expect(mapper.unmap(base, 2 ** 23)).toBe(2 ** 21);
    expect(leavesOf(arena, root)).toEqual([]);
  });

  test("random_map: what is mapped is not mapped again", () => {
    const { root, base, mapper } = fresh();
    mapper.map(base + 2 ** 22, 2 ** 22, 2 ** 21, 3);
    expect(() => mapper.map(base + 2 ** 22 + 4096, 0, 4096, 3)).toThrow(/mapped/);
    expect(() => mapper.map(base + 2 ** 22 + 2048, 0, 4096, 3)).toThrow(/unaligned/);
    expect(() => mapper.map(base, 2 ** root.outputBits, 4096, 3)).toThrow(/address-size/);
    expect(() => mapper.map(base, 0, 4096, 0)).toThrow(/not-expressible/);
    const outside = root.upper === "ones" ? 0x1000 : 2 ** 64 - 4096;
    if (inputBits < 57)
      expect(() => mapper.map(root.upper === "sign" ? 2 ** 60 : outside, 0, 4096, 3)).toThrow(/input-size/);
  });
});

/** Tables as the tests write them: address, low word, high word. */
type Stores = readonly (readonly [at: number, low: number, high: number])[];

function imageOf(stores: Stores) {
  const frames = new Map<number, Uint32Array>();
  for (const [at, low, high] of stores) {
    const frame = Math.floor(at / 4096);
    const words = frames.get(frame) ?? new Uint32Array(1024);
    frames.set(frame, words);
    words.set([low, high], (at % 4096) / 4);
  }
  return { frame: (m: number) => frames.get(m) };
}

const intel = { address: 0x1001_0000, level: 3, inputBits: 48, outputBits: 48, allow: 3 as Allow };
/** 0x10200567: indexes 0, 0, 129, 0. */
const intelTables = (flags: number, leaf: number): Stores => [
  [0x1001_0000, 0x1001_1000 | flags, 0],
  [0x1001_1000, 0x1001_2000 | flags, 0],
  [0x1001_2000 + 129 * 8, 0x1001_3000 | flags, 0],
  [0x1001_3000, 0x1010_0000 | leaf, 0],
];
/** 0x8080604567: indexes 1, 2, 3, 4. The upper attribute bits are those of the tests. */
const armTables = (leaf: readonly [low: number, high: number]): Stores => [
  [0xe4d_0000 + 8, 0xe4d_1000 | 3, 0x8000_0000],
  [0xe4d_1000 + 16, 0xe4d_2000 | 3, 0x8000_0000],
  [0xe4d_2000 + 24, 0xe4d_3000 | 3, 0x8000_0000],
  [0xe4d_3000 + 32, 0xecb_a000 | leaf[0], leaf[1]],
];
const arm = { address: 0xe4d_0000, level: 3, upper: "zero", outputBits: 48, allow: 3 as Allow } as const;
const readWrite = [0x763, 0x0400_0000] as const;
const readOnly = [0x7e3, 0x0400_0000] as const;

test.each([
  ["VT-d second stage", intelTables(3, 3), { ...intel, format: "vtd-ss", upper: "zero" }, 0x1020_0567, 3, 0x1010_0567],
  [
    "VT-d first stage",
    intelTables(7, 0x67),
    { ...intel, format: "vtd-fs", upper: "sign" },
    0x1020_0567,
    3,
    0x1010_0567,
  ],
  [
    "SMMUv3 stage 1",
    armTables(readWrite),
    { ...arm, format: "smmu-s1-4k", inputBits: 48 },
    0x80_8060_4567,
    3,
    0xecb_a567,
  ],
  [
    "SMMUv3 stage 1, read only",
    armTables(readOnly),
    { ...arm, format: "smmu-s1-4k", inputBits: 48 },
    0x80_8060_4567,
    1,
    0xecb_a567,
  ],
  [
    "SMMUv3 stage 1, read only",
    armTables(readOnly),
    { ...arm, format: "smmu-s1-4k", inputBits: 48 },
    0x80_8060_4567,
    2,
    "writeRefused",
  ],
  [
    "SMMUv3 stage 2",
    armTables([0x7e3, 0]),
    { ...arm, format: "smmu-s2-4k", inputBits: 44 },
    0x80_8060_4567,
    3,
    0xecb_a567,
  ],
] as const)("%s of iommu-testdev: %#", (_, stores, root, iova, need, want) => {
  const memory = imageOf(stores);
  const { steps, result } = trace(memory, root, iova, need);
  expect(steps.length).toBe(4);
  expect(isReached(result) ? result.paddr : result.fault).toBe(want);
});
