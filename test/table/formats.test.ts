/** One suite for every table format: a format is right when it passes this. */
import { describe, expect, test } from "vitest";
import { Misuse, Rng } from "../../src/base/index.js";
import {
  type Allow,
  Fault,
  formats,
  Mapper,
  type MapperOptions,
  planOf,
  type TableRoot,
  walk,
} from "../../src/table/index.js";
import { amount } from "../tier.js";
import { Arena, rootOf, topFrames, upperBase, widthName, widths } from "./machines.js";
import { slowWalk } from "./slow_walk.js";

/** Translations per width; the family has several widths for each format, so a format gets more than this. */
const translations = amount(800, 200_000);

const optionSets: readonly MapperOptions[] = [
  {},
  { superpages: false },
  { contiguous: true },
  { encodedSizes: true },
  { skipLevels: true, encodedSizes: true },
  { skipLevels: true },
];

/** The frame or fault that the slow reading gives, in the walker's terms. */
function slowly(arena: Arena, root: TableRoot, dfn: number, need: number): number {
  const slow = slowWalk(arena.entryAt, root, BigInt(dfn) << 12n, need);
  return typeof slow === "number" ? slow : Number(slow >> 12n);
}

/** Frames of a root's input, most of them near each other, some anywhere, some not of the input at all. */
function someFrame(rng: Rng, root: TableRoot): number {
  const frameBits = root.inputBits - 12;
  const any = rng.below(2 ** 20) * 2 ** 32 + rng.below(2 ** 32);
  if (rng.below(50) === 0) return any;
  let within = any % 2 ** frameBits;
  const pick = rng.below(4);
  if (pick === 0) within %= 2 ** 12;
  if (pick === 1) within = (within % 2 ** 6) * 2 ** (frameBits - 6) + (within % 2 ** 10);
  const upper = root.upper === "ones" || (root.upper === "sign" && within >= 2 ** (frameBits - 1));
  return upper ? upperBase(root) / 4096 + within : within;
}

describe.each(widths.map((w) => [widthName(w), w] as const))("%s", (_, [format, level, inputBits, more]) => {
  test("the walker agrees with a slow reading of tables that the mapper made", () => {
    const seed = 20;
    const rng = new Rng(seed);
    for (const options of optionSets) {
      if ((options.encodedSizes || options.skipLevels) && !formats[format].nextLevel) continue;
      const arena = new Arena(formats[format].granuleLg2 === 16 ? 20480 : 6144);
      const root = rootOf(arena, format, level, inputBits, { ...more, allow: 3 });
      const mapper = new Mapper(arena.tables, root, arena.allocate, options);
      const mapped = fill(rng, mapper, root, arena, options.superpages !== false);
      expect(mapped.length).toBeGreaterThan(level === 0 ? 0 : 10);
      const plan = planOf(root);
      for (let n = 0; n < translations / 8; n++) {
        const m = mapped[rng.below(mapped.length)]!;
        const inside = rng.below(4) !== 0;
        const dfn = inside ? m.iova / 4096 + rng.below(Math.min(m.bytes / 4096, 2 ** 32)) : someFrame(rng, root);
        const need = rng.below(4);
        const got = walk(plan, arena.memory, root.address, dfn, need);
        const want = slowly(arena, root, dfn, need);
        if (got !== want)
          expect.fail(`seed ${seed}, ${JSON.stringify(options)}, ${n}: ${dfn} ${need}: ${got}, not ${want}`);
        // And what was asked for is what is there, unless its rights are not enough.
        if (
          inside &&
          (need & ~m.allow) === 0 &&
          got !== Fault.interruptRange &&
          got !== dfn + (m.paddr - m.iova) / 4096
        ) {
          expect.fail(`seed ${seed}, ${n}: ${dfn} is not where it was mapped: ${got}`);
        }
      }
    }
  });

  test("the walker agrees with a slow reading of entries of noise", () => {
    const seed = 21;
    const rng = new Rng(seed);
    const kinds = new Map<number, number>();
    const each = amount(400, 4000);
    for (let n = 0; n < translations / each; n++) {
      const { arena, root } = noise(rng, format, level, inputBits, more);
      const plan = planOf(root);
      for (let i = 0; i < each; i++) {
        const dfn = someFrame(rng, root);
        const need = rng.below(4);
        const got = walk(plan, arena.memory, root.address, dfn, need);
        const want = slowly(arena, root, dfn, need);
        if (got !== want) expect.fail(`seed ${seed}, ${n}.${i}: ${dfn} ${need}: ${got}, not ${want}`);
        kinds.set(Math.min(got, 0), (kinds.get(Math.min(got, 0)) ?? 0) + 1);
      }
    }
    // Noise that never translates, or never faults but in one way, would prove little.
    expect(kinds.get(0) ?? 0).toBeGreaterThan(translations / 200);
    expect(kinds.size).toBeGreaterThan(3);
  });
});

interface Mapped {
  readonly iova: number;
  readonly paddr: number;
  readonly bytes: number;
  readonly allow: Allow;
}

/** Mappings of many sizes, some of them side by side, until the input is crowded: by small ones first, for one may fill it. */
function fill(rng: Rng, mapper: Mapper, root: TableRoot, arena: Arena, superpages: boolean): Mapped[] {
  const format = formats[root.format];
  const mapped: Mapped[] = [];
  const tries = amount(50, 200);
  for (let n = 0; n < tries && arena.framesUsed < arena.words.length / 1024 - 1024; n++) {
    const granule = 2 ** format.granuleLg2;
    const alignLg2 = Math.min(format.granuleLg2 + [0, 0, 3, 9, 10, 13, 18, 19][rng.below(8)]!, root.inputBits - 1);
    const align = 2 ** alignLg2;
    const count = rng.below(3) === 0 ? 1 + rng.below(40) : 1;
    const bytes = alignLg2 > 24 ? align : count * Math.max(align / 2 ** rng.below(3), granule);
    const iova = someFrame(rng, root) * 4096;
    const from = iova - (iova % align);
    const paddr = ((rng.below(2 ** 16) * 2 ** 32 + rng.below(2 ** 32) * 4096) % 2 ** root.outputBits) / 2;
    const to = paddr - (paddr % align);
    const wanted = (1 + rng.below(3)) as Allow;
    const writeOnly = format.levels[0]!.leaf!.grants.read !== true;
    const allow = wanted === 2 && !writeOnly ? (3 as Allow) : wanted;
    if (bytes > (superpages ? 2 ** 40 : 2 ** 22) || bytes / align > 2 ** 10) continue;
    if (n < tries / 2 && bytes > granule && bytes > 2 ** (root.inputBits - 5)) continue;
    try {
      mapper.map(from, to, bytes, allow);
      mapped.push({ iova: from, paddr: to, bytes, allow });
    } catch (e) {
      if (!(e instanceof Misuse)) throw e;
      expect(["mapped", "input-size", "address-size"]).toContain(e.code);
    }
  }
  return mapped;
}

/** Sixteen frames of top table and six of others, with entries that are random but lead somewhere most of the time. */
function noise(rng: Rng, format: TableRoot["format"], level: number, inputBits: number, more?: Partial<TableRoot>) {
  const arena = new Arena(2 * topFrames(format, level, inputBits) + 64);
  const { granuleLg2, nextLevel } = formats[format];
  const at = rootOf(arena, format, level, inputBits, more);
  // Anywhere in its first frames: what its size makes zero is not looked at, and small tables may stand inside a frame.
  const tableBytes = 2 ** (inputBits - granuleLg2 - level * (granuleLg2 - 3) + 3);
  const root = { ...at, address: at.address + rng.below(Math.max(tableBytes, 4096)) };
  const perTable = 2 ** (granuleLg2 - 12);
  const first = at.address / 4096 + topFrames(format, level, inputBits);
  const dense = rng.below(4) !== 0;
  for (let w = at.address / 4; w < arena.words.length; w += 2) {
    let low = rng.below(2 ** 32);
    let high = rng.below(2 ** 32);
    if (dense) {
      // Present, leading to a table within the arena; the reserved bits mostly clear.
      const frame = first + rng.below(50 / perTable) * perTable;
      low =
        ((low & 0xf7f & ~(nextLevel ? 0xe00 : 0)) |
          3 |
          (rng.below(6) === 0 ? 0x80 : 0) |
          (rng.below(3) === 0 ? 0x440 : 0)) >>>
        0;
      if (rng.below(4) !== 0) low |= 0x447 & ~(nextLevel ? 0xe00 : 0);
      if (!nextLevel && rng.below(3) !== 0) low &= ~0x800;
      if (nextLevel) low |= rng.below(8) << 9;
      if (formats[format].unit === "smmuv3" && rng.below(3) === 0) low &= ~2;
      if (granuleLg2 > 12 && rng.below(3) !== 0) low &= ~0xf000;
      low = (low | (frame * 4096)) >>> 0;
      if (granuleLg2 === 16 && rng.below(8) === 0) low |= rng.below(16) << 12;
      high = rng.below(3) === 0 ? high & 0x6000_0000 : nextLevel ? 0x6000_0000 : 0;
      if (rng.below(12) === 0) high |= 1 << rng.below(32);
      if (nextLevel && rng.below(2) === 0) low |= (2 ** rng.below(10) - 1) * 4096;
    }
    arena.words[w] = low;
    arena.words[w + 1] = high;
  }
  return { arena, root };
}
