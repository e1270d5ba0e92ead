/** Runs of entries that Arm's contiguous bit joins: whole groups, aligned in both spaces, and no others. */
import { expect, test } from "vitest";
import { type FormatName, formats, Mapper } from "../../src/table/index.js";
import { Arena, rootOf } from "./machines.js";

/** Bit 52 of an entry. Source: Arm DDI 0487, D8.3.2. */
const joined = 2 ** 20;

const rows: readonly (readonly [format: FormatName, level: number, inputBits: number])[] = [
  ["smmu-s1-4k", 3, 48],
  ["smmu-s2-16k", 2, 40],
  ["smmu-s1-64k", 2, 48],
];

/** What is mapped: first page in both spaces, pages, and of which of them the entries are joined. In groups of `g`. */
const cases = (
  g: number,
): readonly (readonly [iova: number, paddr: number, count: number, runs: readonly number[]])[] => [
  [0, 0, g, [0]],
  [0, 4 * g, 2 * g + 3, [0, g]],
  [g, g, g - 1, []],
  [0, 1, 2 * g, []],
  [1, 0, 2 * g, []],
  [1, g + 1, 2 * g, [g - 1]],
  [g - 2, 3 * g - 2, 2 * g + 1, [2]],
  [g / 2, g / 2, 2 * g, [g / 2]],
  [0, g / 2, 2 * g, []],
];

test.each(rows)("%s", (format, level, inputBits) => {
  const { granuleLg2, contiguousLg2 } = formats[format];
  const [granule, group] = [2 ** granuleLg2, 2 ** contiguousLg2[0]!];
  for (const contiguous of [true, false]) {
    for (const [iova, paddr, count, runs] of cases(group)) {
      const arena = new Arena(512);
      const root = rootOf(arena, format, level, inputBits);
      const mapper = new Mapper(arena.tables, root, arena.allocate, { superpages: false, contiguous });
      mapper.map(iova * granule, (1024 + paddr) * granule, count * granule, 3);
      const entries: number[] = [];
      for (let at = 0; at < arena.words.length; at += 2) {
        // Leaves alone: what points to tables is below the first frame that was mapped.
        const frame = Math.floor(arena.words[at]! / granule);
        if (frame >= 1024 && frame < 1024 + paddr + count) entries.push(arena.words[at + 1]! & joined);
      }
      const wanted = new Set(runs.flatMap((from) => Array.from({ length: group }, (_, k) => from + k)));
      expect(entries.map((bit) => bit !== 0)).toEqual(
        Array.from({ length: count }, (_, n) => contiguous && wanted.has(n)),
      );
    }
  }
});
