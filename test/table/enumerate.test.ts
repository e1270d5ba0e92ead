/** Enumeration finds exactly what single walks find, in tables made by the mapper, in noise, and in real images. */
import { describe, expect, test } from "vitest";
import { Misuse, Rng } from "../../src/base/index.js";
import {
  type Allow,
  enumerate,
  Fault,
  formats,
  Mapper,
  planOf,
  Ranges,
  type TableRoot,
  Troubles,
  walk,
} from "../../src/table/index.js";
import { amount } from "../tier.js";
import { compared, rowsOf, walkerOf } from "./agree.js";
import { captures, imageOf, tablesOf } from "./captured.js";
import { Arena, rootOf, topFrames, upperBase, widthName, widths } from "./machines.js";

function rangesOf(arena: Arena, root: TableRoot) {
  const ranges = new Ranges();
  const troubles = new Troubles();
  const done = enumerate(arena.memory, root, ranges, troubles);
  return { ranges, troubles, done };
}

/** @returns whether the page is reached; fails where walks and rows differ */
function compare(arena: Arena, root: TableRoot, ranges: Ranges, dfn: number, hint: string): boolean {
  const said = compared(walkerOf(arena.memory, root), ranges, dfn);
  if (typeof said === "string") expect.fail(`${hint}: ${said}`);
  return said !== 0;
}

describe.each(widths.map((w) => [widthName(w), w] as const))("%s", (_, [format, level, inputBits, more]) => {
  test("what the mapper mapped is what is found, merged and in order", () => {
    for (const options of [{}, { superpages: false }, { contiguous: true }, { encodedSizes: true, skipLevels: true }]) {
      const rng = new Rng(5);
      const arena = new Arena(formats[format].granuleLg2 === 16 ? 8192 : 2048);
      const root = rootOf(arena, format, level, inputBits, { ...more, allow: 3 });
      const mapper = new Mapper(arena.tables, root, arena.allocate, options);
      const granule = 2 ** formats[format].granuleLg2;
      const wanted: { iova: number; text: string }[] = [];
      for (let n = 0; n < 60; n++) {
        const bytes = (1 + rng.below(70)) * granule;
        const spread = 2 ** (root.inputBits - 8);
        const within = (n * 4 + rng.below(2)) * spread + rng.below(2) * (spread / 2);
        if (within + bytes > 2 ** root.inputBits || bytes > spread / 2) continue;
        const high = root.upper === "ones" || (root.upper === "sign" && within >= 2 ** (root.inputBits - 1));
        const iova = high ? upperBase(root) + within : within;
        const paddr = 2 ** (root.outputBits - 1) + rng.below(2 ** 8) * 2 ** 21 + rng.below(16) * granule;
        const writeOnly = formats[format].levels[0]!.leaf!.grants.read !== true;
        const allow = (rng.below(3) === 0 ? 1 : writeOnly && rng.below(2) === 0 ? 2 : 3) as Allow;
        mapper.map(iova, paddr, bytes, allow);
        wanted.push({ iova, text: [iova.toString(16), paddr.toString(16), bytes.toString(16), allow].join(" ") });
      }
      const { ranges, troubles, done } = rangesOf(arena, root);
      expect(wanted.length).toBeGreaterThan(level === 0 || inputBits < 30 ? 0 : 10);
      expect(rowsOf(ranges)).toEqual(wanted.toSorted((a, b) => a.iova - b.iova).map((w) => w.text));
      expect(troubles.total).toBe(0);
      expect(done.complete).toBe(true);
    }
  });

  test("bits of the root's address below the table's size are not looked at", () => {
    const arena = new Arena(formats[format].granuleLg2 === 16 ? 1024 : 256);
    const root = rootOf(arena, format, level, inputBits, { ...more, allow: 3 });
    const iova = root.upper === "ones" ? upperBase(root) : 0;
    new Mapper(arena.tables, root, arena.allocate).map(iova, 2 ** 20, 2 ** formats[format].granuleLg2, 1);
    const low = { ...root, address: root.address + Math.min(16, planOf(root).rootAlign / 2) };
    const [whole, same] = [rangesOf(arena, root), rangesOf(arena, low)];
    expect(rowsOf(same.ranges)).toEqual(rowsOf(whole.ranges));
    expect([whole.ranges.count, same.troubles.total]).toEqual([1, 0]);
  });

  test("noise: every page of every row translates so, and what is in no row does not translate", () => {
    let found = 0;
    for (let n = 0; n < amount(3, 8); n++) {
      const rng = new Rng(100 + n);
      const { arena, root, tables } = layeredNoise(rng, format, level, inputBits, more);
      const { ranges, done } = rangesOf(arena, root);
      expect(done.complete).toBe(true);
      for (let i = 1; i < ranges.count; i++) {
        if (ranges.iova[i]! < ranges.iova[i - 1]! + ranges.bytes[i - 1]!) expect.fail(`row ${i} is out of order`);
      }
      const step = Math.max(1, Math.floor(ranges.count / amount(40, 400)));
      for (let i = 0; i < ranges.count; i += step) {
        const pages = ranges.bytes[i]! / 4096;
        for (const page of [0, Math.floor(pages / 2), pages - 1]) {
          compare(arena, root, ranges, ranges.iova[i]! / 4096 + page, `seed ${100 + n}, row ${i}`);
        }
      }
      for (let i = 0; i < amount(400, 1500); i++) {
        const dfn = framesOnAPath(rng, arena, root, tables);
        if (compare(arena, root, ranges, dfn, `seed ${100 + n}, ${i}`)) found++;
      }
    }
    expect(found).toBeGreaterThan(amount(0, 3));
  });
});

/**
 * Tables of noise whose pointers go down level by level, so that no table leads to itself; thin above, so that all of
 * them can be visited.
 */
function layeredNoise(
  rng: Rng,
  format: TableRoot["format"],
  level: number,
  inputBits: number,
  more?: Partial<TableRoot>,
) {
  const { granuleLg2, nextLevel } = formats[format];
  const perTable = 2 ** (granuleLg2 - 12);
  const arena = new Arena(2 * topFrames(format, level, inputBits) + 8 * 3 * perTable + 64);
  const root = rootOf(arena, format, level, inputBits, more);
  const tables = Array.from({ length: level }, () => [0, 0, 0].map(() => arena.allocate(perTable)));
  const put = (frame: number, own: number, entryCount: number) => {
    const dense = own === 0;
    for (let i = 0; i < entryCount; i++) {
      if (!dense && rng.below(entryCount) >= 7) continue;
      const run = dense && i > 0 && rng.below(3) !== 0;
      const w = frame * 1024 + i * 2;
      if (run) {
        // Go on where the last entry stopped, perhaps with another flag: runs are where merging can go wrong.
        arena.words[w] = (arena.words[w - 2]! + 2 ** granuleLg2) ^ (rng.below(9) === 0 ? 1 << rng.below(12) : 0);
        arena.words[w + 1] = arena.words[w - 1]! ^ (rng.below(9) === 0 ? 1 << rng.below(32) : 0);
        continue;
      }
      const next = nextLevel ? [rng.below(own + 1), 0, 7][rng.below(3)]! : 0;
      const below = nextLevel && next > 0 && next < 7 ? next - 1 : own - 1;
      const target =
        own > 0 && next !== 7 && !(nextLevel && next === 0) ? tables[below]![rng.below(3)]! : rng.below(2 ** 20);
      const flags = nextLevel
        ? 1 | (next << 9)
        : 0x447 | (rng.below(3) === 0 ? 0x80 : 0) | (rng.below(3) === 0 ? 0x800 : 0);
      const low = rng.below(40) === 0 ? rng.below(2 ** 12) : rng.below(6) === 0 ? flags & ~(1 << rng.below(8)) : flags;
      const kind = formats[format].unit === "smmuv3" && own > 0 && rng.below(4) === 0 ? ~2 : -1;
      const encoded = next === 7 ? (2 ** (own * 9 + rng.below(9)) - 1) * 4096 : 0;
      arena.words[w] = ((target * 4096) | (low & kind) | encoded) >>> 0;
      arena.words[w + 1] = nextLevel
        ? [0x6000_0000, 0x2000_0000, 0x4000_0000][rng.below(3)]!
        : rng.below(9) === 0
          ? 1 << rng.below(32)
          : 0;
    }
  };
  const { rows: levels } = planOf(root);
  put(root.address / 4096, level, levels[level * (levels.length / formats[format].levels.length) + 1]! + 1);
  for (const [own, frames] of tables.entries()) for (const f of frames) put(f, own, 2 ** (granuleLg2 - 3));
  return { arena, root, tables };
}

/** An input frame that follows entries that are not zero, as far as there are some. */
function framesOnAPath(rng: Rng, arena: Arena, root: TableRoot, tables: readonly (readonly number[])[]): number {
  const { granuleLg2 } = formats[root.format];
  let within = 0;
  const pick = (frame: number, entryCount: number) => {
    for (let tries = 0; tries < amount(300, 800); tries++) {
      const i = rng.below(entryCount);
      if (arena.words[frame * 1024 + i * 2] !== 0) return i;
    }
    return 0;
  };
  for (let level = root.level; level >= 0; level--) {
    const shift = granuleLg2 + level * (granuleLg2 - 3);
    const top = level === root.level;
    const frame = top ? root.address / 4096 : tables[level]![rng.below(3)]!;
    within += pick(frame, top ? 2 ** (root.inputBits - shift) : 2 ** (granuleLg2 - 3)) * 2 ** shift;
    if (rng.below(6) === 0) break;
  }
  const high = root.upper === "ones" || (root.upper === "sign" && within >= 2 ** (root.inputBits - 1));
  return ((high ? upperBase(root) : 0) + within) / 4096;
}

describe.each(captures)("%s", (capture) => {
  const memory = imageOf(capture);
  test.each(tablesOf(capture).map((t) => [t.device, t] as const))("%s has exactly the leaves of the truth", (_, t) => {
    const ranges = new Ranges();
    const troubles = new Troubles();
    const { complete } = enumerate(memory, t.root, ranges, troubles);
    const wanted = new Ranges();
    for (const l of t.leaves.toSorted((a, b) => a.iova - b.iova))
      wanted.push(l.iova, l.paddr, l.bytes, l.allow as Allow);
    expect(rowsOf(ranges)).toEqual(rowsOf(wanted));
    expect([ranges.leafCount, ranges.byteCount]).toEqual([t.leaves.length, wanted.byteCount]);
    expect([complete, troubles.list]).toEqual([true, []]);
  });
});

test("a leaf that ends in the interrupt range of VT-d is cut out of a large page", () => {
  const arena = new Arena(64);
  const root = rootOf(arena, "vtd-ss", 2, 39);
  new Mapper(arena.tables, root, arena.allocate).map(0xc000_0000, 0xc000_0000, 2 ** 30, 3);
  const { ranges } = rangesOf(arena, root);
  expect(rowsOf(ranges)).toEqual(["c0000000 c0000000 3ee00000 3", "fef00000 fef00000 1100000 3"]);
  expect(ranges.leafCount).toBe(1);
  expect(walk(planOf(root), arena.memory, root.address, 0xfee00, 1)).toBe(Fault.interruptRange);
});

test("a run over the middle of a signed input is two rows, far from each other", () => {
  const arena = new Arena(64);
  const root = rootOf(arena, "vtd-fs", 2, 39, { upper: "sign" });
  const mapper = new Mapper(arena.tables, root, arena.allocate);
  mapper.map(2 ** 38 - 2 ** 30, 2 ** 33, 2 ** 30, 3);
  mapper.map(2 ** 64 - 2 ** 38, 2 ** 33 + 2 ** 30, 2 ** 30, 3);
  const { ranges } = rangesOf(arena, root);
  expect(rowsOf(ranges)).toEqual(["3fc0000000 200000000 40000000 3", "ffffffc000000000 240000000 40000000 3"]);
  expect(ranges.leafCount).toBe(2);
});

test("a root that no format has is a trouble, not a crash", () => {
  const troubles = new Troubles();
  const root = { ...rootOf(new Arena(64), "vtd-ss", 2, 39), inputBits: 20 };
  enumerate(new Arena(1).memory, root, new Ranges(), troubles);
  expect(troubles.list[0]?.what).toMatch(/translates 31 to 39 bits, not 20/);
  expect(() => planOf(root)).toThrow(Misuse);
});
