/** Explanations of walks: the entries with their names and layouts, the end, and the code that a unit would raise. */
import { expect, test } from "vitest";
import { describe as decode } from "../../src/bits/index.js";
import { faultEvents } from "../../src/spec/smmuv3/fault_events.js";
import { faultReasons } from "../../src/spec/vtd/fault_reasons.js";
import {
  type CodeSet,
  type FaultName,
  faultCode,
  isReached,
  Mapper,
  type MapperOptions,
  type TableRoot,
  trace,
} from "../../src/table/index.js";
import { Arena, rootOf } from "./machines.js";

function mapped(format: TableRoot["format"], options: MapperOptions, bytes: number, more: Partial<TableRoot> = {}) {
  const arena = new Arena(128);
  const root = rootOf(arena, format, 3, 48, more);
  const mapper = new Mapper(arena.tables, root, arena.allocate, options);
  mapper.map(0x4000_0000, 0x1_8000_0000, bytes, 3);
  return { arena, root, mapper };
}

test("four levels of VT-d, each with its name, its layout and where it leads", () => {
  const { arena, root, mapper } = mapped("vtd-ss", {}, 4096);
  const { steps, result, final } = trace(arena.memory, root, 0x4000_0123, 1);
  expect(steps.map((s) => [s.name, s.level, s.kind, s.meaning])).toEqual([
    ["SS-PML4E", 3, "table", `table at 0x${(mapper.tables[0]! * 4096).toString(16)}`],
    ["SS-PDPE", 2, "table", `table at 0x${(mapper.tables[1]! * 4096).toString(16)}`],
    ["SS-PDE", 1, "table", `table at 0x${(mapper.tables[2]! * 4096).toString(16)}`],
    ["SS-PTE", 0, "leaf", "page of 4 KiB at 0x180000000"],
  ]);
  expect(steps.map((s) => s.at)).toEqual([root.address, ...mapper.tables.map((t, i) => t * 4096 + (i === 0 ? 8 : 0))]);
  expect(steps[3]!.about.title).toBe("VT-d second-stage page");
  expect(decode(steps[3]!.words, 0, steps[3]!.about)).toContain(
    "[51:12]  frame     0x180000      the translated frame",
  );
  expect([result, final]).toEqual([{ paddr: 0x1_8000_0123, bytes: 4096, allow: 3 }, null]);
});

test.each([
  ["vtd-fs", {}, 2 ** 30, ["FS-PML4E", "FS-PDPE"], "page of 1 GiB at 0x180000000"],
  [
    "amdvi-v1",
    { encodedSizes: true },
    2 ** 22,
    ["level 4 entry", "level 3 entry", "level 2 entry"],
    "page of 4 MiB at 0x180000000",
  ],
  [
    "amdvi-v1",
    { skipLevels: true },
    4096,
    ["level 4 entry", "level 3 entry", "level 1 entry"],
    "page of 4 KiB at 0x180000000",
  ],
  [
    "smmu-s1-4k",
    {},
    2 ** 21,
    ["level 0 descriptor", "level 1 descriptor", "level 2 descriptor"],
    "page of 2 MiB at 0x180000000",
  ],
] as const)("%s with %j: a leaf of %d bytes", (format, options, bytes, names, meaning) => {
  const { arena, root } = mapped(format, options, bytes);
  const { steps, result } = trace(arena.memory, root, BigInt(0x4000_0000 + bytes - 1), 3);
  expect(steps.map((s) => s.name)).toEqual(names);
  expect(steps.at(-1)!.meaning).toBe(meaning);
  expect(result).toEqual({ paddr: 0x1_8000_0000 + bytes - 1, bytes, allow: 3 });
});

test("an address in the upper half, given as a bigint", () => {
  const arena = new Arena(64);
  const root = rootOf(arena, "smmu-s1-4k", 3, 48, { upper: "ones" });
  new Mapper(arena.tables, root, arena.allocate).map(2 ** 64 - 8192, 0x7000, 4096, 1);
  const { result } = trace(arena.memory, root, 0xffff_ffff_ffff_ee07n, 1);
  expect(result).toEqual({ paddr: 0x7e07, bytes: 4096, allow: 1 });
  expect(trace(arena.memory, root, 0xfff_ffff_ffff_ee07n, 1).result).toMatchObject({ fault: "inputSize", atTop: true });
});

test.each([
  ["an address that nothing maps", 0x5000_0000, {}, 1, "absent"],
  ["an address beyond the input", 2 ** 50, {}, 1, "inputSize"],
  ["a write where the device's entry allows reads", 0x4000_0000, { allow: 1 }, 2, "writeRefused"],
  ["both where the device's entry allows reads", 0x4000_0000, { allow: 1 }, 3, "writeRefused"],
  ["a read where the device's entry allows writes", 0x4000_0000, { allow: 2 }, 3, "readRefused"],
  ["an output wider than the unit", 0x4000_0000, { outputBits: 32 }, 1, "addressSize"],
] as const)("%s", (_, iova, more, need, fault) => {
  const { arena, root } = mapped("amdvi-v1", {}, 4096);
  const { result } = trace(arena.memory, { ...root, ...more }, iova, need);
  expect(isReached(result) ? result : result.fault).toBe(fault);
});

const codes: readonly (readonly [CodeSet, FaultName, "first" | "second", boolean, number])[] = [
  ["vtd-legacy", "absent", "second", false, 6],
  ["vtd-legacy", "absent", "second", true, 5],
  ["vtd-legacy", "writeRefused", "second", true, 5],
  ["vtd-legacy", "reserved", "second", true, 0xc],
  ["vtd-legacy", "addressSize", "second", true, 0xc],
  ["vtd-legacy", "outside", "second", true, 7],
  ["vtd-legacy", "inputSize", "second", true, 4],
  ["vtd-legacy", "interruptRange", "second", true, 0xe],
  ["vtd-scalable", "absent", "first", true, 0x71],
  ["vtd-scalable", "reserved", "first", true, 0x72],
  ["vtd-scalable", "inputSize", "first", true, 0x80],
  ["vtd-scalable", "privilege", "first", true, 0x81],
  ["vtd-scalable", "writeRefused", "first", true, 0x85],
  ["vtd-scalable", "readRefused", "second", false, 0x79],
  ["vtd-scalable", "absent", "second", true, 0x79],
  ["vtd-scalable", "reserved", "second", false, 0x7a],
  ["vtd-scalable", "outside", "second", false, 0x78],
  ["amdvi", "absent", "second", false, 2],
  ["amdvi", "outside", "second", false, 4],
  ["smmuv3", "absent", "first", false, 0x10],
  ["smmuv3", "addressSize", "first", false, 0x11],
  ["smmuv3", "accessFlag", "first", false, 0x12],
  ["smmuv3", "privilege", "first", false, 0x13],
  ["smmuv3", "outside", "first", false, 0x0b],
];

test.each(codes)("%s raises for %s in the %s stage (write: %s) code %d", (set, fault, stage, write, code) => {
  expect(faultCode(set, { fault, stage, write })).toBe(code);
  const known = set === "smmuv3" ? faultEvents[code] : set === "amdvi" ? {} : faultReasons[code];
  expect(known).toBeDefined();
});

test("a first-stage table that the second stage refuses has codes of its own", () => {
  const at = { fault: "absent", stage: "second", write: false, onFirstStageTable: true } as const;
  expect([faultCode("vtd-scalable", { ...at, atTop: true }), faultCode("vtd-scalable", at)]).toEqual([0x75, 0x76]);
  expect(faultCode("vtd-scalable", { ...at, fault: "outside", atTop: true })).toBe(0x7b);
});

test.each([
  ["vtd-legacy", "second", 3, 7],
  ["vtd-scalable", "second", 0x7b, 0x78],
  ["vtd-scalable", "first", 0x73, 0x70],
] as const)("%s: a top table of the %s stage that cannot be read is %d, one below %d", (set, stage, top, below) => {
  const at = { fault: "outside", stage, write: true } as const;
  expect([faultCode(set, { ...at, atTop: true }), faultCode(set, { ...at, atTop: false })]).toEqual([top, below]);
});
