/** Tables that lie: cycles, places outside memory, reserved bits, addresses too wide, and tables made to never end. */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/index.js";
import {
  type Enumerated,
  type EnumerateOptions,
  enumerate,
  Fault,
  type FormatName,
  formats,
  Mapper,
  planOf,
  Ranges,
  type TableRoot,
  Troubles,
  trace,
  walk,
} from "../../src/table/index.js";
import { compared, rowsOf, walkerOf } from "./agree.js";
import { Arena, rootOf } from "./machines.js";

interface Found {
  readonly ranges: Ranges;
  readonly troubles: Troubles;
  readonly done: Enumerated;
}

function find(arena: Arena, root: TableRoot, options: EnumerateOptions = {}): Found {
  const ranges = new Ranges();
  const troubles = new Troubles();
  return { ranges, troubles, done: enumerate(arena.memory, root, ranges, troubles, options) };
}

/** One good mapping at 2 MiB * 512 * 3, and the byte address of its level-1 table. */
function oneMapping(format: FormatName, level = 3, inputBits = 48) {
  const arena = new Arena(128);
  const root = rootOf(arena, format, level, inputBits);
  const mapper = new Mapper(arena.tables, root, arena.allocate, { superpages: false });
  const granule = 2 ** formats[format].granuleLg2;
  mapper.map(0, 64 * granule, granule, 3);
  const topShift = granule * 2 ** ((formats[format].granuleLg2 - 3) * level);
  return { arena, root, mapper, topShift };
}

/** Write an entry of the top table. */
function putTop(arena: Arena, root: TableRoot, index: number, low: number, high = 0): void {
  arena.words[root.address / 4 + index * 2] = low;
  arena.words[root.address / 4 + index * 2 + 1] = high;
}

/** A pointer that every format but AMD's takes as one, with every right. */
const pointer = (format: FormatName, address: number, level: number) =>
  format === "amdvi-v1" ? ([address | 1 | (level << 9), 0x6000_0000] as const) : ([address | 0x447, 0] as const);

const named = ["vtd-ss", "vtd-fs", "amdvi-v1", "amdvi-v2", "smmu-s1-4k", "smmu-s2-4k"] as const;

test.each(named)("%s: a table that points to itself is named once, and followed until the levels end", (format) => {
  const { arena, root } = oneMapping(format);
  const [low, high] = pointer(format, root.address, 3);
  putTop(arena, root, 1, low, high);
  const { ranges, troubles, done } = find(arena, root);
  expect([done.complete, done.everyPage]).toEqual([true, true]);
  expect(troubles.list.filter((t) => t.kind === "cycle").map((t) => [t.entryAt, t.iova, t.level])).toEqual([
    [root.address + 8, 2 ** 39, 3],
  ]);
  expect(troubles.list[0]!.value).toBe(`0x${((BigInt(high) << 32n) | BigInt(low)).toString(16)}`);
  const itself = (2 ** 39 + 2 ** 30 + 2 ** 21 + 0x1000) / 4096;
  for (const dfn of [64, 2 ** 27 + 64 * 512, itself]) {
    const said = compared(walkerOf(arena.memory, root), ranges, dfn);
    if (typeof said === "string") expect.fail(said);
  }
  // AMD's entry says its next level, which is not below where the table is read as a lower one.
  const end = format === "amdvi-v1" ? Fault.reserved : root.address / 4096;
  expect(walk(planOf(root), arena.memory, root.address, itself, 1)).toBe(end);
});

test.each(named)("%s: a table two levels down that points to the top is named and followed", (format) => {
  const { arena, root, mapper } = oneMapping(format);
  const [, second] = mapper.tables as [number, number];
  const [low, high] = pointer(format, root.address, 1);
  arena.words[second * 1024 + 8] = low;
  arena.words[second * 1024 + 9] = high;
  const { ranges, troubles } = find(arena, root);
  expect(troubles.list.filter((t) => t.kind === "cycle").map((t) => t.level)).toEqual([1]);
  for (let dfn = 0; dfn < 4096; dfn++) {
    const said = compared(walkerOf(arena.memory, root), ranges, dfn);
    if (typeof said === "string") expect.fail(said);
  }
});

test.each([
  ["the cycle first", 0, 1],
  ["the cycle last", 1, 0],
])("a table whose entry points back on one way has leaves on another: %s", (_, cyclic, plain) => {
  const arena = new Arena(64);
  const root = rootOf(arena, "vtd-ss", 3, 48);
  const [a, b, x] = [arena.allocate(1), arena.allocate(1), arena.allocate(1)];
  putTop(arena, root, cyclic, a * 4096 + 3);
  putTop(arena, root, plain, x * 4096 + 3);
  arena.put(a * 4096, b * 4096 + 3, 0);
  arena.put(x * 4096, b * 4096 + 3, 0);
  arena.put(b * 4096, a * 4096 + 3, 0);
  const { ranges, troubles, done } = find(arena, root);
  // Read as a table of pages, the first entry of A is a page: the frame of B, on either way.
  expect(walk(planOf(root), arena.memory, root.address, plain * 2 ** 27, 2)).toBe(b);
  expect(rowsOf(ranges)).toEqual([
    `0 ${(b * 4096).toString(16)} 1000 3`,
    `8000000000 ${(b * 4096).toString(16)} 1000 3`,
  ]);
  expect(troubles.list.map((t) => [t.kind, t.entryAt])).toEqual([["cycle", b * 4096]]);
  expect(done.complete).toBe(true);
});

test.each(named)("%s: a table outside memory is named, and the rest is found", (format) => {
  const { arena, root } = oneMapping(format);
  const [low, high] = pointer(format, 0x7000_0000, 3);
  putTop(arena, root, 2, low, high);
  const { ranges, troubles } = find(arena, root);
  expect(ranges.leafCount).toBe(1);
  expect(troubles.list.map((t) => [t.kind, t.entryAt])).toEqual([["outside", root.address + 16]]);
  expect(walk(planOf(root), arena.memory, root.address, 2 ** 28, 1)).toBe(Fault.outside);
});

test("a root outside memory is named", () => {
  const arena = new Arena(64);
  const root = { ...rootOf(arena, "vtd-ss", 3, 48), address: 0x9000_0000 };
  const { ranges, troubles } = find(arena, root);
  expect([ranges.count, troubles.list.map((t) => t.kind)]).toEqual([0, ["outside"]]);
});

const badEntries = [
  ["vtd-ss", "reserved", 0x8000_0883 & ~0x880, 0x4000_0000, "TM in a table entry"],
  ["vtd-ss", "reserved", 0x83, 0, "a page-size bit where no page may be"],
  ["vtd-ss", "address-size", 0x3, 0x0004_0000, "address bit 50"],
  ["vtd-fs", "reserved", 0x87, 0, "a page-size bit where no page may be"],
  ["vtd-fs", "address-size", 0x7, 0x0001_0000, "address bit 48"],
  ["amdvi-v1", "reserved", 0x601, 0x6010_0000, "bit 52"],
  ["amdvi-v1", "reserved", 0x801, 0x6000_0000, "a next level that is not below"],
  ["amdvi-v1", "reserved", 0x1 | (7 << 9), 0x6000_0000, "a page size of another level"],
  ["smmu-s1-4k", "address-size", 0x3, 0x0000_8000, "address bit 47"],
  ["smmu-s2-4k", "address-size", 0x3, 0x0000_1000, "address bit 44"],
] as const;

test.each(badEntries)("%s: %s for %#x, %#x (%s)", (format, kind, low, high) => {
  const { arena, root: full } = oneMapping(format);
  const root = { ...full, outputBits: format.startsWith("smmu") ? 44 : 48 };
  putTop(arena, root, 5, low, high);
  const { ranges, troubles } = find(arena, root);
  expect(ranges.leafCount).toBe(1);
  expect(troubles.list.map((t) => [t.kind, t.entryAt, t.level])).toEqual([[kind, root.address + 40, 3]]);
  const fault = walk(planOf(root), arena.memory, root.address, 5 * 2 ** 27, 1);
  expect(fault).toBe(kind === "reserved" ? Fault.reserved : Fault.addressSize);
});

/** Tables whose entries all lead to one and the same table of the level below: 512 ways at each level. */
function fan(format: FormatName, level: number, inputBits: number, leaf: boolean) {
  const arena = new Arena(64);
  const root = rootOf(arena, format, level, inputBits);
  const tables = [arena.allocate(1)];
  for (let l = 1; l < level; l++) tables.push(arena.allocate(1));
  const fill = (frame: number, low: number, high: number) => {
    for (let i = 0; i < 512; i++) {
      arena.words[frame * 1024 + i * 2] = low;
      arena.words[frame * 1024 + i * 2 + 1] = high;
    }
  };
  for (let l = level; l > 0; l--) {
    const [low, high] = pointer(format, tables[l - 1]! * 4096, l);
    fill(l === level ? root.address / 4096 : tables[l]!, low, high);
  }
  if (leaf && format === "amdvi-v1") fill(tables[0]!, 1, 0x6000_0000);
  else if (leaf) fill(tables[0]!, 0x447, 0);
  return { arena, root };
}

test.each(named)("%s: 2^36 ways to one page end at a limit that is told", (format) => {
  const { arena, root } = fan(format, 3, 48, true);
  const { ranges, troubles, done } = find(arena, root, { pushCountMax: 10_000 });
  expect(done.complete).toBe(false);
  expect(ranges.leafCount).toBeLessThanOrEqual(10_000);
  expect(troubles.list.map((t) => t.kind)).toEqual(["limit"]);
});

test.each(["vtd-ss", "amdvi-v1"] as const)("%s: the default limits end within seconds", (format) => {
  const { arena, root } = fan(format, 3, 48, true);
  let pushed = 0;
  const sink = { push: () => void pushed++ };
  const begin = performance.now();
  const { complete, entryCount } = enumerate(arena.memory, root, sink, new Troubles());
  expect(complete).toBe(false);
  expect(entryCount).toBeLessThanOrEqual(2 ** 28);
  expect(pushed).toBeGreaterThan(1e6);
  expect(performance.now() - begin).toBeLessThan(60_000);
});

test.each(named)("%s: 2^27 ways to an empty table are gone once", (format) => {
  const { arena, root } = fan(format, 3, 48, false);
  const { ranges, troubles, done } = find(arena, root);
  expect([ranges.count, troubles.total, done.complete]).toEqual([0, 0, true]);
  // Three tables above, and the empty one 512 times for the one table right above it.
  expect(done.tableCount).toBe(3 + 512);
});

test.each([
  ["without a leaf", false],
  ["with one", true],
])("2^27 ways to 512 tables outside memory, %s beside them, end within seconds", (_, leaf) => {
  const { arena, root } = fan("vtd-ss", 3, 48, false);
  const low = root.address / 4096 + 16;
  for (let i = 0; i < 512; i++) {
    arena.words[(low + 1) * 1024 + i * 2] = 0x7000_0003 + i * 4096;
    arena.words[(low + 1) * 1024 + i * 2 + 1] = 0;
  }
  if (leaf) arena.words[(low + 1) * 1024] = 0x83;
  const begin = performance.now();
  const { troubles, done } = find(arena, root, { pushCountMax: 2 ** 16 });
  expect(done.complete).toBe(!leaf);
  expect(troubles.total).toBeGreaterThan(511);
  expect(troubles.list.length).toBe(leaf ? 201 : 200);
  expect(performance.now() - begin).toBeLessThan(60_000);
});

test("512^4 ways through a table that points to itself: each page is found, and what is left out is told", () => {
  const { arena, root } = fan("vtd-ss", 3, 48, false);
  const own = root.address / 4096;
  for (let i = 0; i < 512; i++) putTop(arena, root, i, root.address + 3);
  // Beside the ways without end one that is met late: it is found all the same.
  const table = own + 16;
  putTop(arena, root, 511, table * 4096 + 3);
  arena.put(table * 4096, 0x83, 0);
  arena.put(table * 4096, (table + 1) * 4096 + 3, 0);
  arena.put((table + 1) * 4096, 0x4000_0083, 0);
  const begin = performance.now();
  const { ranges, troubles, done } = find(arena, root);
  expect(performance.now() - begin).toBeLessThan(20_000);
  expect(ranges.count).toBeLessThan(2 ** 23);
  expect([done.complete, done.everyPage]).toEqual([false, true]);
  expect(
    troubles.list
      .map((t) => t.kind)
      .toSorted()
      .at(-1),
  ).toBe("limit");
  expect(troubles.list.at(-1)!.what).toMatch(/every page is listed, though not at every address/);
  expect(ranges.paddr.subarray(0, ranges.count).includes(0x4000_0000)).toBe(true);
  expect(ranges.paddr.subarray(0, ranges.count).includes(root.address)).toBe(true);
});

test("that an answer is cut is told even beside hundreds of other troubles", () => {
  const { arena, root } = fan("vtd-ss", 3, 48, true);
  for (let i = 0; i < 256; i++) putTop(arena, root, i, 0x83);
  const { troubles, done } = find(arena, root, { pushCountMax: 1000 });
  expect(done.complete).toBe(false);
  expect(troubles.total).toBeGreaterThan(250);
  expect(troubles.list.at(-1)?.kind).toBe("limit");
});

test("entries limit: the answer up to it stands", () => {
  const { arena, root } = oneMapping("vtd-ss");
  const { ranges, troubles, done } = find(arena, root, { entryCountMax: 1024 });
  expect([ranges.count, done.complete, troubles.list[0]?.kind]).toEqual([0, false, "limit"]);
});

test("noise of every density and format: no throw, no hang, and traces end as walks do", () => {
  const rng = new Rng(77);
  for (const format of Object.values(formats)) {
    for (let n = 0; n < 6; n++) {
      const arena = new Arena(64);
      const level = rng.below(format.levels.length);
      const shift = format.granuleLg2 + level * (format.granuleLg2 - 3);
      const inputBits = Math.min(shift + 1 + rng.below(format.granuleLg2 - 3), 64);
      const upper = (["zero", "ones", "sign"] as const)[rng.below(3)]!;
      const root = rootOf(arena, format.name, level, inputBits, { upper, outputBits: 32 + rng.below(21) });
      for (let w = 0; w < arena.words.length; w++) {
        if (rng.below(n + 1) === 0) arena.words[w] = w % 2 === 0 ? rng.below(2 ** 32) & (n === 5 ? 0x3ffff : -1) : 0;
      }
      const { ranges } = find(arena, root, { entryCountMax: 2 ** 18, pushCountMax: 2 ** 14 });
      expect(ranges.leafCount).toBeGreaterThanOrEqual(0);
      for (let i = 0; i < 500; i++) {
        const dfn = rng.below(2) === 0 ? rng.below(2 ** 20) : rng.below(2 ** 20) * 2 ** 32 + rng.below(2 ** 32);
        const need = ([0, 1, 2, 3] as const)[rng.below(4)]!;
        const { result } = trace(arena.memory, root, dfn * 4096, need);
        const walked = walk(planOf(root), arena.memory, root.address, dfn, need);
        const traced = "paddr" in result ? Math.floor(result.paddr / 4096) : result.number;
        if (traced !== walked) expect.fail(`${format.name} ${n}.${i}: traced ${traced}, walked ${walked}`);
      }
    }
  }
});
