/** Tables that change: random mapping and unmapping of parts, in every format, held against a list of pages. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/index.js";
import { EntryCursor } from "../../src/table/cursor.js";
import { formats, Mapper, type MapperOptions, planOf, type TableRoot, walk } from "../../src/table/index.js";
import { amount } from "../tier.js";
import { Arena, rootOf, upperBase, widthName, widths } from "./machines.js";

const optionSets: readonly MapperOptions[] = [
  { split: true },
  { superpages: false },
  { contiguous: true, split: true },
  { encodedSizes: true, split: true },
  { encodedSizes: true, skipLevels: true, split: true },
];

/** What is mapped where: pages of the format, from `base` on. 0: nothing. */
class Pages {
  readonly to: Int32Array;
  constructor(count: number) {
    this.to = new Int32Array(count);
  }

  isFree(first: number, count: number): boolean {
    return this.to.subarray(first, first + count).every((page) => page === 0);
  }

  map(first: number, to: number, count: number): void {
    for (let n = 0; n < count; n++) this.to[first + n] = to + n;
  }

  unmap(first: number, count: number): number {
    const pages = this.to.subarray(first, first + count);
    const mapped = pages.reduce((sum, page) => sum + (page === 0 ? 0 : 1), 0);
    pages.fill(0);
    return mapped;
  }
}

interface Changed {
  readonly mapper: Mapper;
  readonly pages: Pages;
  readonly arena: Arena;
  readonly root: TableRoot;
  readonly base: number;
  readonly granule: number;
  /** Pages from the first one on to that of the second half of the list: far away, where the input is wide. */
  readonly apart: number;
}

function iovaOf({ pages, base, granule, apart }: Changed, page: number): number {
  const half = pages.to.length / 2;
  return base + (page < half ? page : page - half + apart) * granule;
}

/** Sizes about which formats think differently: a page, runs that a bit joins, entries of upper levels. */
function someCount(rng: Rng, most: number): number {
  const around = 2 ** rng.below(17);
  const count = rng.below(3) === 0 ? around + 1 + rng.below(around) : around;
  return Math.min(count, most);
}

/** Above 4 GiB, where no interrupts are, if there is that much. */
const farFrom = (root: TableRoot, granule: number) => Math.min(2 ** 20, 2 ** (root.outputBits - 2) / granule);

function change(rng: Rng, changed: Changed): void {
  const { mapper, pages, granule, root } = changed;
  const all = pages.to.length;
  const align = 2 ** rng.below(16);
  const first = Math.min(rng.below(all), all - 1);
  const from = rng.below(2) === 0 ? first : Math.floor(first / align) * align;
  const count = someCount(rng, (from < all / 2 ? all / 2 : all) - from);
  const iova = iovaOf(changed, from);
  if (rng.below(2) === 0) {
    const removed = mapper.unmap(iova, count * granule);
    expect(removed, `${from} ${count}`).toBe(pages.unmap(from, count) * granule);
    return;
  }
  if (!pages.isFree(from, count)) return;
  // As far from a large boundary as the input is, so that leaves may be large; now and then a page beside it.
  const far =
    farFrom(root, granule) + Math.floor(rng.below(2 ** 15) / align) * align + (rng.below(4) === 0 ? 1 : from % align);
  mapper.map(iova, far * granule, count * granule, 3);
  pages.map(from, far, count);
}

/** The mapper and the walker find what the list says. */
function agree(changed: Changed, at: readonly number[]): void {
  const { mapper, pages, arena, root, granule } = changed;
  const plan = planOf(root);
  for (const page of at) {
    const iova = iovaOf(changed, page);
    const to = pages.to[page]!;
    const offset = granule > 4096 ? 4096 : 0;
    const found = mapper.translate(iova + offset);
    if (found !== (to === 0 ? -1 : to * granule + offset)) expect.fail(`page ${page}: ${found}`);
    const frame = walk(plan, arena.memory, root.address, (iova + offset) / 4096, 0);
    if (to === 0 ? frame >= 0 : frame !== (to * granule + offset) / 4096)
      expect.fail(`page ${page}: walked to ${frame}`);
  }
}

/** Bit 52: no entry claims to be one of a run that is not whole. */
function runsAreWhole(changed: Changed): void {
  const { pages, arena, root } = changed;
  const group = 2 ** formats[root.format].contiguousLg2[0]!;
  const cursor = new EntryCursor(arena.tables, planOf(root), root.address);
  for (let first = 0; first + group <= pages.to.length; first += group) {
    const joined = [];
    for (let n = 0; n < group; n++) {
      const iova = iovaOf(changed, first + n);
      cursor.seek(iova | 0, (iova / 2 ** 32) | 0);
      if (cursor.level === 0) joined.push((cursor.high & (2 ** 20)) !== 0);
    }
    if (joined.includes(true) && joined.includes(false)) expect.fail(`${first}: ${joined.join()}`);
  }
}

describe.each(widths.map((w) => [widthName(w), w] as const))("%s", (_, [format, level, inputBits, more]) => {
  const { granuleLg2, nextLevel, contiguousLg2 } = formats[format];
  const sets = optionSets.filter(
    (o) => (o.encodedSizes !== true || nextLevel) && (o.contiguous !== true || contiguousLg2.length > 0),
  );
  test.each(sets)("%o", (options) => {
    const seed = 30;
    const rng = new Rng(seed);
    const arena = new Arena(granuleLg2 === 16 ? amount(1536, 12_288) : amount(512, 4096));
    const root = rootOf(arena, format, level, inputBits, { ...more, allow: 3 });
    const granule = 2 ** granuleLg2;
    const usable = 2 ** (inputBits - granuleLg2 - (root.upper === "sign" ? 1 : 0));
    const changed: Changed = {
      ...{ mapper: new Mapper(arena.tables, root, arena.allocate, options), arena, root, granule },
      apart: usable / 2,
      ...{
        pages: new Pages(Math.min(amount(2 ** 14, 2 ** 16), usable)),
        base: root.upper === "ones" ? upperBase(root) : 0,
      },
    };
    for (let n = 0; n < amount(30, 3000); n++) {
      change(rng, changed);
      agree(
        changed,
        Array.from({ length: 20 }, () => rng.below(changed.pages.to.length)),
      );
    }
    agree(
      changed,
      Array.from({ length: amount(200, 20_000) }, () => rng.below(changed.pages.to.length)),
    );
    if (options.contiguous === true) runsAreWhole(changed);
    expect(changed.pages.to.some((page) => page !== 0)).toBe(true);
  });
});

/** Formats whose level 1 has leaves, one width each; what lacks them has no large leaf to part. */
const large = widths.filter(([format, level], n) => level > 1 && widths.findIndex(([f]) => f === format) === n);

describe.each(large.map((w) => [w[0], w] as const))("%s: large leaves", (_, [format, level, inputBits, more]) => {
  const { granuleLg2 } = formats[format];
  const [granule, size] = [2 ** granuleLg2, 2 ** (granuleLg2 + granuleLg2 - 3)];
  const made = (o: MapperOptions) => {
    const arena = new Arena(256);
    const root = rootOf(arena, format, level, inputBits, { ...more, allow: 3 });
    const mapper = new Mapper(arena.tables, root, arena.allocate, o);
    mapper.map(0, 4 * size, 3 * size, 3);
    return mapper;
  };

  test("of three, two and a half are unmapped: the half that stays is small leaves in one more table", () => {
    const mapper = made({ split: true });
    const before = mapper.tables.length;
    expect(mapper.unmap(0, 2.5 * size)).toBe(2.5 * size);
    expect(mapper.tables.length - before).toBe(1);
    const found = [0, size, 2.5 * size - granule, 2.5 * size, 3 * size - granule].map((at) => mapper.translate(at));
    expect(found).toEqual([-1, -1, -1, 6.5 * size, 7 * size - granule]);
    expect(mapper.unmap(0, 3 * size)).toBe(0.5 * size);
  });

  test("unparted, what begins in the range goes whole, and nothing may begin inside", () => {
    const mapper = made({});
    expect(() => mapper.unmap(granule, granule)).toThrow(/inside-leaf/);
    expect(mapper.unmap(0, granule)).toBe(size);
    expect([mapper.translate(0), mapper.translate(size)]).toEqual([-1, 5 * size]);
  });
});
