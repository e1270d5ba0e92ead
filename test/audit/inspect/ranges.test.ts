/** Arithmetic on translations, and the reverse index, each against a reading page by page. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { difference, rowAt, union } from "../../../src/audit/inspect/difference/range_difference.js";
import { type Reacher, ReverseIndex } from "../../../src/audit/inspect/facts/reverse_index.js";
import { Ranges } from "../../../src/table/ranges.js";
import type { Allow } from "../../../src/table/root.js";
import { amount } from "../../tier.js";

const page = 4096;

/** A table as what each page of a small space maps to: null or [paddr page, allow]. */
type Pages = readonly (readonly [number, Allow] | null)[];

const pagesArbitrary: fc.Arbitrary<Pages> = fc.array(
  fc.option(fc.tuple(fc.integer({ min: 0, max: 24 }), fc.constantFrom<Allow>(1, 2, 3)), { freq: 2 }),
  { minLength: 1, maxLength: 24 },
);
/** Long runs, which independent pages never make. */
const runsArbitrary: fc.Arbitrary<Pages> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 20 }), fc.constantFrom<Allow>(1, 3)), {
    maxLength: 5,
  })
  .map((runs) =>
    runs.flatMap(([length, from, allow], i) =>
      Array.from({ length }, (_, k) => (i % 3 === 2 ? null : ([from + k, allow] as const))),
    ),
  );
const tableArbitrary = fc.oneof(pagesArbitrary, runsArbitrary);

function rangesOf(pages: Pages, base = 0): Ranges {
  const ranges = new Ranges();
  for (const [i, p] of pages.entries()) if (p !== null) ranges.push(base + i * page, p[0] * page, page, p[1]);
  return ranges;
}

function pagesOf(ranges: Ranges): Map<number, string> {
  const pages = new Map<number, string>();
  for (let row = 0; row < ranges.count; row++) {
    for (let at = 0; at < ranges.bytes[row]!; at += page) {
      const iova = ranges.iova[row]! + at;
      expect(pages.has(iova)).toBe(false);
      pages.set(iova, `${ranges.paddr[row]! + at} ${ranges.allow[row]}`);
    }
  }
  return pages;
}

const sorted = (pages: Map<number, string>) => [...pages].sort(([a], [b]) => a - b);

test("the difference is what one page has and the other has not, and applying it gives the other", () => {
  fc.assert(
    fc.property(tableArbitrary, tableArbitrary, (x, y) => {
      const [a, b] = [rangesOf(x), rangesOf(y)];
      const lost = difference(a, b);
      const gained = difference(b, a);
      const [inA, inB] = [pagesOf(a), pagesOf(b)];
      expect(sorted(pagesOf(lost))).toEqual(sorted(inA).filter(([iova, to]) => inB.get(iova) !== to));
      expect(sorted(pagesOf(gained))).toEqual(sorted(inB).filter(([iova, to]) => inA.get(iova) !== to));
      expect(sorted(pagesOf(union(difference(a, lost), gained)))).toEqual(sorted(inB));
    }),
    { numRuns: amount(500, 2000) },
  );
});

test("nothing differs from itself", () => {
  fc.assert(fc.property(tableArbitrary, (x) => difference(rangesOf(x), rangesOf(x)).count === 0));
});

test("a difference is in ranges: a page taken from the middle of a gigabyte leaves one row", () => {
  const whole = new Ranges();
  whole.push(0, 2 ** 32, 2 ** 30, 3);
  const holed = new Ranges();
  holed.push(0, 2 ** 32, 2 ** 20, 3);
  holed.push(2 ** 20 + page, 2 ** 32 + 2 ** 20 + page, 2 ** 30 - 2 ** 20 - page, 3);
  const lost = difference(whole, holed);
  expect([lost.count, lost.iova[0], lost.paddr[0], lost.bytes[0]]).toEqual([1, 2 ** 20, 2 ** 32 + 2 ** 20, page]);
  expect(difference(holed, whole).count).toBe(0);
});

test.each([
  ["before the first", 0, -1],
  ["first byte", 4096, 0],
  ["last byte", 8191, 0],
  ["in the hole", 8192, -1],
  ["second row", 0x10000, 1],
  ["after the last", 0x12000, -1],
])("the row that translates an address: %s", (_, iova, row) => {
  const ranges = new Ranges();
  ranges.push(4096, 0, 4096, 3);
  ranges.push(0x10000, 0, 0x2000, 3);
  expect(rowAt(ranges, iova)).toBe(row);
});

test("the reverse index gives exactly the pages that lead there, for devices that share tables and that do not", () => {
  fc.assert(
    fc.property(fc.array(tableArbitrary, { maxLength: 6 }), fc.array(fc.integer({ min: 0, max: 7 })), (tables, of) => {
      const all = tables.map((t, i) => rangesOf(t, i * 2 ** 32));
      const devices: Reacher[] = of.map((n) =>
        n < all.length
          ? { state: "translated", ranges: all[n]!, allow: 3 }
          : { state: n === 7 ? "identity" : "blocked", ranges: null, allow: 1 },
      );
      const index = new ReverseIndex(devices);
      for (let p = 0; p < 30; p++) {
        const paddr = p * page + 0x123;
        const expected = devices.flatMap((d, device) =>
          d.ranges === null
            ? []
            : [...pagesOf(d.ranges)]
                .filter(([, to]) => to.startsWith(`${p * page} `))
                .sort(([x], [y]) => x - y)
                .map(([iova, to]) => ({ device, iova: iova + 0x123, allow: Number(to.split(" ")[1]) })),
        );
        const untranslated = devices.flatMap((d, device) =>
          d.state === "identity" ? [{ device, iova: paddr, allow: 1, through: "untranslated" }] : [],
        );
        expect(index.at(paddr)).toEqual([...expected.map((e) => ({ ...e, through: "translated" })), ...untranslated]);
      }
    }),
    { numRuns: amount(100, 300) },
  );
});

test("rows that share a byte with a range, against all rows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 })), { maxLength: 80 }),
      fc.integer({ min: 0, max: 80 }),
      fc.integer({ min: 1, max: 8 }),
      (rows, from, length) => {
        const ranges = new Ranges();
        for (const [i, [at, size]] of rows.entries()) ranges.push(i * 2 ** 20, at * page, size * page, 3);
        const index = new ReverseIndex([{ state: "translated", ranges, allow: 3 }]);
        const found = new Int32Array(100);
        const count = index.rowsWithin(from * page, (from + length) * page, found);
        const expected = Array.from(index.paddr.keys()).filter(
          (n) => index.paddr[n]! < (from + length) * page && index.paddr[n]! + index.bytes[n]! > from * page,
        );
        expect([...found.subarray(0, count)]).toEqual(expected.reverse());
      },
    ),
    { numRuns: amount(200, 500) },
  );
});

test("more rows than the caller has room for are counted", () => {
  const ranges = new Ranges();
  for (let i = 0; i < 300; i++) ranges.push(i * 2 ** 20, 0, page, 3);
  const index = new ReverseIndex([{ state: "translated", ranges, allow: 3 }]);
  expect(index.rowsAt(0, new Int32Array(4))).toBe(300);
  expect(index.at(0)).toHaveLength(300);
});
