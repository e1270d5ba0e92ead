/** Two stages: the walker, the enumeration and the trace against a slow reading that translates each address it reads. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/index.js";
import {
  type Allow,
  enumerate,
  enumerateNested,
  Fault,
  type FormatName,
  formats,
  inSecondStage,
  isReached,
  Mapper,
  NestedView,
  NestedWalker,
  onFirstStageTable,
  Ranges,
  type TableRoot,
  Troubles,
  traceNested,
} from "../../src/table/index.js";
import { amount } from "../tier.js";
import { Arena, guestMemory, rootOf } from "./machines.js";
import { slowWalk } from "./slow_walk.js";

const pairs: readonly (readonly [FormatName, FormatName])[] = [
  ["vtd-fs", "vtd-ss"],
  ["amdvi-v2", "amdvi-v1"],
  ["smmu-s1-4k", "smmu-s2-4k"],
  ["smmu-s1-64k", "smmu-s2-4k"],
  ["smmu-s1-16k", "smmu-s2-16k"],
];

/** Guest memory of 2048 frames whose frames stand in the second half of the machine's, in pieces of sixteen. */
function machine(rng: Rng, firstFormat: FormatName, secondFormat: FormatName) {
  const arena = new Arena(8192);
  const second = rootOf(arena, secondFormat, 2, 39, { outputBits: 48 });
  const outer = new Mapper(arena.tables, second, arena.allocate, { superpages: true });
  const pieces = 128;
  const place = (gfn: number) => 4096 + (((gfn >> 4) * 37) % pieces) * 16 + (gfn & 15);
  for (let piece = 0; piece < pieces; piece++) {
    // The last pieces are not all memory that may be read, or written.
    const allow = (
      piece < 100 ? 3 : formats[secondFormat].levels[0]!.leaf!.grants.read === true ? 3 : rng.below(4)
    ) as Allow;
    if (allow !== 0) outer.map(piece * 65536, place(piece * 16) * 4096, 65536, allow);
  }
  // The first stage is built by the guest, which sees its own frames.
  const guest = guestMemory((m) => (m < pieces * 16 ? arena.frame(place(m)) : undefined));
  let next = 16;
  const allocate = (frameCount: number) => {
    next = Math.ceil(next / frameCount) * frameCount + frameCount;
    return next - frameCount;
  };
  const level = formats[firstFormat].granuleLg2 === 16 ? 1 : 2;
  const inputBits = formats[firstFormat].granuleLg2 === 12 ? 39 : 42;
  const first: TableRoot = {
    ...{ format: firstFormat, address: allocate(16) * 4096, level, inputBits },
    ...{ upper: "zero", outputBits: 48, allow: 3 as Allow },
  };
  return { arena, first, second, guest, allocate };
}

function fill(rng: Rng, first: TableRoot, mapper: Mapper): number[] {
  const granule = 2 ** formats[first.format].granuleLg2;
  const pages: number[] = [];
  for (let n = 0; n < 80; n++) {
    const iova = n * 2 ** 27 + rng.below(64) * granule;
    const count = 1 + rng.below(24);
    // Mostly guest memory; some of it beyond what the second stage maps.
    mapper.map(
      iova,
      rng.below(rng.below(5) === 0 ? 2 ** 14 : 128) * 65536,
      count * granule,
      rng.below(3) === 0 ? 1 : 3,
    );
    for (let i = 0; i < (count * granule) / 4096; i++) pages.push(iova / 4096 + i);
  }
  return pages;
}

describe.each(pairs)("%s through %s", (firstFormat, secondFormat) => {
  const rng = new Rng(9);
  const { arena, first, second, guest, allocate } = machine(rng, firstFormat, secondFormat);
  const pages = fill(rng, first, new Mapper(guest, first, allocate));
  const roots = { first, second };
  const walker = new NestedWalker(arena.memory, roots);

  /** What a walk must give, in the walker's numbers. */
  function slowly(dfn: number, need: number): number {
    let refused = 0;
    const readGuest = (ipa: bigint) => {
      const at = slowWalk(arena.entryAt, second, ipa, 1);
      if (typeof at === "number") {
        refused = at;
        return undefined;
      }
      return arena.entryAt(at + (ipa & 0xfffn));
    };
    const middle = slowWalk(readGuest, first, BigInt(dfn) << 12n, need);
    if (refused !== 0) return onFirstStageTable + refused;
    if (typeof middle === "number") return middle;
    const end = slowWalk(arena.entryAt, second, middle, need);
    return typeof end === "number" ? inSecondStage + end : Number(end >> 12n);
  }

  test("walks and traces agree with the slow reading", () => {
    const kinds = new Set<number>();
    for (let n = 0; n < amount(5_000, 20_000); n++) {
      const dfn = rng.below(5) === 0 ? rng.below(2 ** 30) : pages[rng.below(pages.length)]!;
      const need = (1 + rng.below(3)) as 1 | 2 | 3;
      const got = walker.walk(dfn, need);
      const want = slowly(dfn, need);
      if (got !== want) expect.fail(`${n}: ${dfn} ${need}: ${got}, not ${want}`);
      kinds.add(Math.min(got, 0));
      if (n % 10 !== 0) continue;
      const { result } = traceNested(arena.memory, roots, dfn * 4096 + 0x123, need);
      if (isReached(result)) expect(result.paddr).toBe(got * 4096 + 0x123);
      else expect([got, result.stage]).toEqual([numberOf(result), got < inSecondStage ? "second" : "first"]);
    }
    expect(kinds.has(0)).toBe(true);
    expect([...kinds].some((k) => k < inSecondStage && k > onFirstStageTable)).toBe(true);
  });

  test("the enumeration holds each page that a walk finds, and no other", () => {
    const ranges = new Ranges();
    const troubles = new Troubles();
    expect(enumerateNested(arena.memory, roots, ranges, troubles).complete).toBe(true);
    const found = new Map<number, string>();
    for (let row = 0; row < ranges.count; row++) {
      for (let b = 0; b < ranges.bytes[row]!; b += 4096) {
        found.set((ranges.iova[row]! + b) / 4096, `${(ranges.paddr[row]! + b) / 4096} ${ranges.allow[row]}`);
      }
    }
    let reached = 0;
    for (const dfn of pages) {
      const allow = (walker.walk(dfn, 1) >= 0 ? 1 : 0) + (walker.walk(dfn, 2) >= 0 ? 2 : 0);
      if (allow !== 0) reached++;
      const want = allow === 0 ? undefined : `${walker.walk(dfn, allow)} ${allow}`;
      if (found.get(dfn) !== want) expect.fail(`${dfn}: ${found.get(dfn)}, not ${want}`);
    }
    const second = new Ranges();
    enumerate(arena.memory, roots.second, second, new Troubles());
    const again = new Ranges();
    // A second stage whose ranges are known need not be read once more.
    expect(enumerateNested(arena.memory, roots, again, new Troubles(), { second }).complete).toBe(true);
    expect([again.count, again.byteCount]).toEqual([ranges.count, ranges.byteCount]);
    expect(found.size).toBe(reached);
    expect(reached).toBeGreaterThan(100);
    const granulePages = 2 ** formats[firstFormat].granuleLg2 / 4096;
    expect(ranges.leafCount).toBeLessThanOrEqual(pages.length / granulePages);
    expect(ranges.leafCount).toBeGreaterThanOrEqual(reached / granulePages);
  });
});

function numberOf(r: { number: number; stage: string; onFirstStageTable: boolean }): number {
  if (r.onFirstStageTable) return onFirstStageTable + r.number;
  return r.stage === "second" ? inSecondStage + r.number : r.number;
}

test("a first-stage table that the second stage does not map is the second stage's fault", () => {
  const { arena, first, second, guest, allocate } = machine(new Rng(2), "vtd-fs", "vtd-ss");
  new Mapper(guest, first, allocate).map(0x5000, 0x7000, 4096, 3);
  const gone = { ...first, address: 2 ** 38 };
  const walker = new NestedWalker(arena.memory, { first: gone, second });
  expect(walker.walk(5, 1)).toBe(onFirstStageTable + Fault.absent);
  const view = new NestedView(arena.memory, second);
  expect([view.frame((2 ** 26) as never), view.lastFault]).toEqual([undefined, Fault.absent]);
  const { result, steps } = traceNested(arena.memory, { first: gone, second }, 0x5000, 1);
  expect(result).toMatchObject({ fault: "absent", stage: "second", onFirstStageTable: true, atTop: true });
  expect(result, "what the second stage was given").toMatchObject({ at: gone.address });
  expect(steps).toEqual([]);
});

test("only the end of both stages can be in the interrupt range", () => {
  const arena = new Arena(512);
  const second = rootOf(arena, "vtd-ss", 2, 39);
  const outer = new Mapper(arena.tables, second, arena.allocate);
  outer.map(0, 0, 2 ** 21, 3);
  outer.map(0xfee0_0000, 0x5000_0000, 4096, 3);
  outer.map(0x6000_0000, 0xfee0_0000, 4096, 3);
  const first = rootOf(arena, "vtd-fs", 2, 39);
  const inner = new Mapper(arena.tables, first, arena.allocate);
  inner.map(0x1000, 0xfee0_0000, 4096, 3);
  inner.map(0x2000, 0x6000_0000, 4096, 3);
  const walker = new NestedWalker(arena.memory, { first, second });
  expect([walker.walk(1, 3), walker.walk(2, 3)]).toEqual([0x5_0000, inSecondStage + Fault.interruptRange]);
  const ranges = new Ranges();
  enumerateNested(arena.memory, { first, second }, ranges, new Troubles());
  expect([ranges.count, ranges.iova[0], ranges.paddr[0]]).toEqual([1, 0x1000, 0x5000_0000]);
});

test("a whole leaf of the first stage counts once, however the second stage cuts it", () => {
  const arena = new Arena(512);
  const second = rootOf(arena, "vtd-ss", 2, 39);
  new Mapper(arena.tables, second, arena.allocate).map(0, 0, 2 ** 20, 3);
  const outer = new Mapper(arena.tables, second, arena.allocate);
  for (let page = 512; page < 1024; page += 2) outer.map(page * 4096, 2 ** 32 + page * 8192, 4096, 3);
  const first = rootOf(arena, "vtd-fs", 2, 39);
  new Mapper(arena.tables, first, arena.allocate).map(2 ** 30, 2 ** 21, 2 ** 21, 3);
  const ranges = new Ranges();
  enumerateNested(arena.memory, { first, second }, ranges, new Troubles());
  expect([ranges.count, ranges.leafCount, ranges.byteCount]).toEqual([256, 1, 2 ** 20]);
});

test("a first stage of large pages over a second stage in small pieces ends at a limit that is told", () => {
  const arena = new Arena(2048);
  const second = rootOf(arena, "vtd-ss", 2, 39);
  const outer = new Mapper(arena.tables, second, arena.allocate, { superpages: false });
  // Frames in descending order: no two of them merge.
  for (let page = 0; page < 512; page++) outer.map(page * 4096, 2 ** 32 - page * 8192, 4096, page % 2 === 0 ? 1 : 3);
  const firstAt = arena.allocate(1);
  outer.map(2 ** 21, firstAt * 4096, 4096, 3);
  const first = { ...rootOf(arena, "vtd-fs", 2, 39), address: 2 ** 21 };
  for (let i = 0; i < 512; i++) arena.put(firstAt * 4096 + i * 8, 0x87, 0);
  const roots = { first, second };
  const ranges = new Ranges();
  const troubles = new Troubles();
  const done = enumerateNested(arena.memory, roots, ranges, troubles, { pushCountMax: 10_000 });
  expect([done.complete, done.everyPage, troubles.list.map((t) => t.kind)]).toEqual([false, false, ["limit"]]);
  expect(troubles.list[0]!.what).toMatch(/10000 pieces of the second stage/);
  expect(ranges.count).toBeLessThanOrEqual(10_000);
  expect(ranges.count).toBeGreaterThan(9000);
  // Up to there, every piece is as a walk finds it.
  const walker = new NestedWalker(arena.memory, roots);
  for (let row = 0; row < ranges.count; row++) {
    const dfn = ranges.iova[row]! / 4096;
    expect(walker.walk(dfn, ranges.allow[row]!)).toBe(ranges.paddr[row]! / 4096);
  }
  expect(walker.walk((troubles.list[0]!.iova! - 4096) / 4096, 1)).toBe(ranges.paddr[ranges.count - 1]! / 4096);
});
