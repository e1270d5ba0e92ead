/** The face that page tables show to programs. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/rng.js";
import * as spec from "../../src/doors/spec.js";
import { read as readField, type vtd as Vtd, write } from "../../src/doors/spec.js";
import {
  type Address,
  Allow,
  address,
  attachments,
  BadOption,
  createMemory,
  createPageTable,
  dfn,
  Fault,
  type FormatName,
  faultParts,
  isAttached,
  isFault,
  isReached,
  lookup,
  Misuse,
  mfn,
  Need,
  openPageTable,
  unitsFromRegisters,
} from "../../src/doors/table.js";
import { fixtureText } from "../read/fixture.js";

const shapes: readonly (readonly [FormatName, number, number])[] = [
  ["vtd-ss", 3, 4096],
  ["vtd-fs", 4, 4096],
  ["amdvi-v1", 4, 4096],
  ["amdvi-v2", 4, 4096],
  ["smmu-s1-4k", 4, 4096],
  ["smmu-s2-16k", 3, 16384],
  ["smmu-s1-64k", 3, 65536],
];

const memoryOf = () => createMemory({ bytes: 2 ** 26 });
const tables = { first: mfn(16), count: 2048 };

describe.each(shapes)("%s", (format, levels, page) => {
  test("what is mapped is what is walked, retold and listed, and what is unmapped is gone", () => {
    const memory = memoryOf();
    const table = createPageTable({ memory, format, levels, tables });
    const rng = new Rng(levels * page);
    const truth = new Map<number, number>();
    for (let n = 0; n < 100; n++) {
      const iova = (1 + rng.below(2 ** 20 / (page / 4096))) * page;
      if (truth.has(iova)) continue;
      const paddr = rng.below(2 ** 20) * page;
      table.map({ iova: address(iova), paddr: address(paddr), bytes: page, allow: Allow.readWrite });
      truth.set(iova, paddr);
    }
    const gone = [...truth.keys()].filter((_, n) => n % 3 === 0);
    for (const iova of gone) {
      expect(table.unmap({ iova: address(iova), bytes: page })).toBe(page);
      truth.delete(iova);
    }
    for (const iova of gone) expect(table.walk(dfn(iova / 4096))).toBe(Fault.absent);
    for (const [iova, paddr] of truth) {
      const at = rng.below(page);
      const frame = table.walk(dfn(Math.floor((iova + at) / 4096)), Need.readWrite);
      expect(isFault(frame)).toBe(false);
      expect(frame).toBe(Math.floor((paddr + at) / 4096));
      const { result, steps } = table.trace(address(iova + at), Need.write);
      expect(isReached(result) && result.paddr).toBe(paddr + at);
      expect(steps).toHaveLength(levels);
    }
    const { mappings, troubles, complete } = table.list();
    const listed = mappings.flatMap((m) =>
      Array.from({ length: m.bytes / page }, (_, n) => [m.iova + n * page, m.paddr + n * page] as const),
    );
    expect(new Map(listed)).toEqual(new Map([...truth].sort(([a], [b]) => a - b)));
    expect([troubles, complete]).toEqual([[], true]);
    // Somebody else finds the same behind the same root.
    expect(openPageTable({ memory, root: table.root }).list()).toEqual(table.list());
  });

  test("a right that was not given is a fault", () => {
    const table = createPageTable({ memory: memoryOf(), format, levels, tables });
    table.map({ iova: address(page), paddr: address(0), bytes: page, allow: Allow.read });
    const found = table.walk(dfn(page / 4096), Need.write);
    expect(isFault(found) && faultParts(found).name).toBe("writeRefused");
  });
});

test("a nested translation goes through both tables", () => {
  const memory = memoryOf();
  const second = createPageTable({ memory, format: "vtd-ss", levels: 3, tables: { first: mfn(16), count: 64 } });
  second.map({ iova: address(0), paddr: address(0), bytes: 2 ** 24, allow: Allow.readWrite });
  second.map({ iova: address(2 ** 30), paddr: address(0x2000), bytes: 4096, allow: Allow.read });
  const first = createPageTable({ memory, format: "vtd-fs", levels: 4, tables: { first: mfn(128), count: 64 } });
  first.map({ iova: address(0x5000), paddr: address(2 ** 30), bytes: 4096, allow: Allow.readWrite });
  const both = openPageTable({ memory, root: first.root, through: second.root });
  expect(both.walk(dfn(5), Need.read)).toBe(2);
  expect(faultParts(both.walk(dfn(5), Need.write) as Fault)).toEqual({ name: "writeRefused", stage: "second" });
  expect(both.list().mappings).toEqual([{ iova: 0x5000, paddr: 0x2000, bytes: 4096, allow: Allow.read }]);
  expect(both.trace(address(0x5abc)).result).toMatchObject({ paddr: 0x2abc });
});

test("a VT-d table that was written by hand is looked up for its device", () => {
  const { vtd }: { readonly vtd: typeof Vtd } = spec;
  const memory = memoryOf();
  const table = createPageTable({ memory, format: "vtd-ss", levels: 3, tables: { first: mfn(16), count: 64 } });
  table.map({ iova: address(0xfffc_0000), paddr: address(0x1234_5000), bytes: 4096, allow: Allow.readWrite });
  const put = (at: number, words: Uint32Array) => memory.write(address(at), new Uint8Array(words.buffer));
  const rootEntry = new Uint32Array(4);
  write(rootEntry, 0, vtd.RootEntry.p, 1);
  write(rootEntry, 0, vtd.RootEntry.frame, mfn(2));
  put(0x1000, rootEntry);
  const context = new Uint32Array(4);
  write(context, 0, vtd.ContextEntry.p, 1);
  write(context, 0, vtd.ContextEntry.frame, mfn(table.root.address / 4096));
  write(context, 0, vtd.ContextEntry.aw, 1);
  write(context, 0, vtd.ContextEntry.did, 5);
  put(0x2000 + (3 << 3) * vtd.contextEntryBytes, context);
  const unit = { kind: "vtd", mode: "legacy", root: 0x1000 } as const;
  const found = lookup({ memory, unit, device: "00:03.0" });
  if (!isAttached(found)) throw new Error(found.why);
  expect(found).toMatchObject({ state: "translated", domain: 5, stage: "second" });
  expect(openPageTable({ memory, root: found.second! }).walk(dfn(0xfffc0))).toBe(0x12345);
  expect(attachments({ memory, unit }).attachments).toHaveLength(1);
  expect(isAttached(lookup({ memory, unit, device: "00:04.0" }))).toBe(false);
  expect(readField(context, 0, vtd.ContextEntry.did)).toBe(5);
});

test("registers of a machine say where its unit's tables are", () => {
  const [unit] = unitsFromRegisters(fixtureText("vtd-legacy-strict/mem.registers.json"));
  expect(unit).toMatchObject({ kind: "vtd", mode: "legacy", found: "registers" });
});

const open = { memory: memoryOf(), format: "vtd-ss", levels: 3, tables } as const;
const made = createPageTable(open);
const page = { iova: address(0x1000), paddr: address(0x2000), bytes: 4096, allow: Allow.read } as const;

test.each<[string, () => unknown, RegExp]>([
  ["memory of half a page", () => createMemory({ bytes: 2048 }), /^bad-option: bytes 2048: a multiple of 4096/],
  ["memory of 4097 bytes", () => createMemory({ bytes: 4097 }), /bytes 4097: a multiple of 4096/],
  ["memory without end", () => createMemory({ bytes: Number.POSITIVE_INFINITY }), /bytes Infinity/],
  [
    "an unknown format",
    () => createPageTable({ ...open, format: "vtd" as never }),
    /format vtd: one of vtd-ss, vtd-fs/,
  ],
  ["too many levels", () => createPageTable({ ...open, levels: 6 }), /levels 6: a whole number from 1 to 5/],
  ["half a level", () => createPageTable({ ...open, levels: 2.5 }), /levels 2\.5/],
  [
    "an input that levels do not resolve",
    () => createPageTable({ ...open, inputBits: 20 }),
    /^bad-root: a vtd-ss table at/,
  ],
  [
    "tables beyond memory",
    () => createPageTable({ ...open, tables: { first: mfn(0), count: 1e9 } }),
    /tables\.count 1e9|tables\.count 1000000000/,
  ],
  ["a size of 2048.5", () => made.map({ ...page, bytes: 2048.5 }), /bytes 2048\.5: a whole number/],
  ["a size that is no number", () => made.map({ ...page, bytes: Number.NaN }), /bytes NaN/],
  ["a negative size", () => made.map({ ...page, bytes: -4096 }), /bytes -4096/],
  ["a size of no page", () => made.map({ ...page, bytes: 4097 }), /^unaligned: /],
  ["an address beyond 64 bits", () => made.map({ ...page, iova: 1e30 as Address }), /^bad-address: 1e\+30/],
  ["an address beyond the table", () => made.map({ ...page, iova: address(2 ** 40) }), /^input-size: /],
  ["no right that there is", () => made.map({ ...page, allow: 4 as never }), /allow 4: a whole number from 0 to 3/],
  ["half a frame", () => dfn(0.5), /^bad-frame: dfn 0\.5/],
  [
    "no device",
    () => lookup({ memory: open.memory, unit: { kind: "vtd", mode: "legacy", root: 0 }, device: "x" }),
    /^bad-option: device x: "x"; a device is written/,
  ],
  [
    "no unit",
    () => attachments({ memory: open.memory, unit: { kind: "x" } as never }),
    /unit\.kind x: one of vtd, amdvi, smmuv3/,
  ],
  ["no memory", () => openPageTable({ memory: {} as never, root: made.root }), /memory \{\}: a memory was expected/],
  ["a slip", () => createMemory({ size: 4096 } as never), /size 4096: there is bytes/],
])("%s is refused", (_, call, message) => {
  expect(call).toThrow(message);
  expect(call).toThrow(Misuse);
});

test("a table that runs out of frames for tables says so", () => {
  const table = createPageTable({ ...open, tables: { first: mfn(16), count: 2 } });
  expect(() => table.map(page)).toThrow(/^no-tables: 2 frames are all in use/);
  expect(() => createMemory({ bytes: 0 })).toThrow(BadOption);
});
