/**
 * Enumeration and walk never disagree, in random tables that share parts and point back above themselves.
 *
 * A small number of walks by default; the second tier makes them 5 * 10^7.
 */
import { describe, expect, test } from "vitest";
import { Rng } from "../../src/base/index.js";
import { enumerate, enumerateNested, Ranges, Troubles } from "../../src/table/index.js";
import { amount } from "../tier.js";
import { compared, memoryOf, nestedWalkerOf, type WalkOne, walkerOf } from "./agree.js";
import { widthName, widths } from "./machines.js";
import { type NestedWidths, type Tangle, tangled, tangledNested } from "./tangle.js";

/** Addresses that are compared, each with two walks or more, over all widths and pairs. */
const addressCount = amount(3e5, 5e7);

const nestedWidths: readonly NestedWidths[] = [
  [
    ["vtd-fs", 3, 48, { upper: "sign" }],
    ["vtd-ss", 3, 48],
  ],
  [
    ["vtd-fs", 2, 39],
    ["vtd-ss", 2, 39, { outputBits: 46 }],
  ],
  [
    ["amdvi-v2", 3, 48, { upper: "sign" }],
    ["amdvi-v1", 5, 64, { outputBits: 52 }],
  ],
  [
    ["smmu-s1-4k", 3, 48],
    ["smmu-s2-4k", 2, 43],
  ],
  [
    ["smmu-s1-16k", 2, 47],
    ["smmu-s2-16k", 2, 40],
  ],
  [
    ["smmu-s1-64k", 2, 48],
    ["smmu-s2-4k", 3, 48],
  ],
  [
    ["smmu-s1-4k", 2, 39],
    ["smmu-s2-64k", 2, 48],
  ],
];

const share = Math.ceil(addressCount / (widths.length + nestedWidths.length));
const perTable = 1500;
/** Calls of the sink that are too few for many a tangle: what is left out is then told, and no page is missing. */
const limits = [1, 8, 40];

interface Counts {
  compared: number;
  reached: number;
  /** Tangles that lead back to themselves, and those that a small limit cut. */
  cyclic: number;
  cut: number;
}

/** Compare random addresses, and the pages in and about some rows. */
function compareAll(rng: Rng, walkOne: WalkOne, ranges: Ranges, tangle: Tangle, hint: string, counts: Counts): void {
  const one = (dfn: number) => {
    const said = compared(walkOne, ranges, dfn);
    if (typeof said === "string") expect.fail(`${hint}: ${said}`);
    counts.compared++;
    if (said !== 0) counts.reached++;
  };
  for (let n = 0; n < perTable; n++) one(tangle.dfn(rng));
  for (let n = 0; n < Math.min(ranges.count, 100); n++) {
    const row = rng.below(ranges.count);
    const dfn = ranges.iova[row]! / 4096;
    const pages = ranges.bytes[row]! / 4096;
    for (const at of [dfn - 1, dfn, dfn + rng.below(Math.min(pages, 2 ** 32)), dfn + pages - 1, dfn + pages]) {
      if (at >= 0 && at < 2 ** 52) one(at);
    }
  }
}

function run(name: string, levels: number, round: (rng: Rng, hint: string, counts: Counts) => void): void {
  test(name, () => {
    const counts: Counts = { compared: 0, reached: 0, cyclic: 0, cut: 0 };
    for (let seed = 1; counts.compared < share; seed++) round(new Rng(seed), `seed ${seed}`, counts);
    expect(counts.reached).toBeGreaterThan(counts.compared / 200);
    if (levels > 1) expect(counts.cyclic).toBeGreaterThan(0);
    cutCount += counts.cut;
  }, 600_000);
}

let cutCount = 0;
const cycles = (t: Troubles) => (t.list.some((x) => x.kind === "cycle") ? 1 : 0);

describe("one stage", () => {
  for (const width of widths) {
    run(widthName(width), width[1] + 1, (rng, hint, counts) => {
      const { arena, root, ...tangle } = tangled(rng, width);
      const ranges = new Ranges();
      const troubles = new Troubles();
      if (!enumerate(arena.memory, root, ranges, troubles).complete) expect.fail(`${hint}: not complete`);
      counts.cyclic += cycles(troubles);
      const few = new Ranges();
      const cut = enumerate(arena.memory, root, few, new Troubles(), {
        pushCountMax: limits[rng.below(limits.length)]!,
      });
      if (!cut.complete) counts.cut++;
      if (cut.everyPage) expect(memoryOf(few), hint).toEqual(memoryOf(ranges));
      compareAll(rng, walkerOf(arena.memory, root), ranges, tangle, hint, counts);
    });
  }
});

describe("two stages", () => {
  for (const pair of nestedWidths) {
    run(pair.map(widthName).join(" through "), pair[0][1] + 1, (rng, hint, counts) => {
      const { arena, roots, ...tangle } = tangledNested(rng, pair);
      const ranges = new Ranges();
      const troubles = new Troubles();
      if (!enumerateNested(arena.memory, roots, ranges, troubles).complete) expect.fail(`${hint}: not complete`);
      counts.cyclic += cycles(troubles);
      const few = new Ranges();
      const cut = enumerateNested(arena.memory, roots, few, new Troubles(), {
        pushCountMax: limits[rng.below(limits.length)]!,
      });
      if (!cut.complete) counts.cut++;
      if (cut.everyPage) expect(memoryOf(few), hint).toEqual(memoryOf(ranges));
      compareAll(rng, nestedWalkerOf(arena.memory, roots), ranges, tangle, hint, counts);
    });
  }
});

test("small limits cut many a tangle", () => {
  expect(cutCount).toBeGreaterThan(50);
});
