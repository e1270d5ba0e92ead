import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { PlainPool } from "../../../src/sw/swiotlb/plain_pool.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import type { PoolShape } from "../../../src/sw/swiotlb/pool_shape.js";
import { before2024 } from "../../../src/sw/swiotlb/profile.js";
import { expectEqual } from "../../equal.js";
import { amount } from "../../tier.js";
import { sameAnswers } from "./same_answers.js";

const rows: readonly [what: string, shape: PoolShape, ops: number][] = [
  ["a pool of 1 MiB", { start: 0x7000_0000, slots: 512, areas: 1 }, 200_000],
  ["one that starts at an odd page below 2 GiB", { start: 0x7fff_f000, slots: 1024, areas: 4 }, 150_000],
  ["one that starts at an odd slot", { start: 0x1234_5800, slots: 1024, areas: 2 }, 100_000],
  ["one above 2^32", { start: 0x1f_fff3_1000, slots: 2048, areas: 2 }, 100_000],
  ["one that crosses 2^45 inside a slot set", { start: 2 ** 45 - 562 * 2048, slots: 2048, areas: 1 }, 50_000],
  ["areas that are no power of two, and no multiple of a slot set", { start: 0x1000, slots: 1000, areas: 3 }, 150_000],
  ["a short last slot set", { start: 0x4000_0000, slots: 333, areas: 1 }, 100_000],
  ["a pool of three slots", { start: 0x4000_0000, slots: 3, areas: 1 }, 10_000],
  ["groups of slot sets", { start: 0x4000_1000, slots: 9000, areas: 2 }, 100_000],
  ["runs that pass the end", { start: 0x1000, slots: 300, areas: 1, bugs: ["runs-past-end"] }, 20_000],
  ["the rules before 2024", { start: 0x7000_1000, slots: 1024, areas: 2, profile: before2024 }, 100_000],
];

for (const [what, shape, all] of rows) {
  const ops = amount(all / 10, all);
  test(`index and plain search agree: ${what}`, () => {
    const { mapped, refused } = sameAnswers({ shape, seed: 20, ops, cpus: 5 });
    expect(mapped).toBeGreaterThan(ops / 20);
    expect(refused).toBeGreaterThan(ops / 100);
  });
}

test("index and plain search agree when devices change their masks, and slots stay behind", () => {
  const shape = { start: 0x7000_0000, slots: 2048, areas: 2 };
  const { mapped } = sameAnswers({ shape, seed: 21, ops: 30_000, cpus: 2, leaves: true });
  expect(mapped).toBeGreaterThan(5000);
});

test("index and plain search agree on a boundary that is no power of two", () => {
  const shape = { start: 0x7000_0000, slots: 256, areas: 1 };
  const [pool, plain] = [new Pool(shape), new PlainPool(shape)];
  for (let i = 0; i < 100; i++) expect(pool.map(0, 1, 0, 7000, 0, 0, 24)).toBe(plain.map(0, 1, 0, 7000, 0, 0, 24));
});

test("every map and unmap can be taken back", () => {
  const rng = new Rng(22);
  const pool = new Pool({ start: 0x7000_1000, slots: 1024, areas: 2 });
  const state = () => [
    pool.used,
    pool.hiwater,
    ...[0, 1].flatMap((a) => [pool.areaIndex(a), pool.usedOf(a)]),
    ...Array.from({ length: 1024 }, (_, slot) => pool.freeRun(slot)),
  ];
  const live: { at: number; low: number; size: number; min: number; alloc: number }[] = [];
  for (let i = 0; i < amount(1500, 4000); i++) {
    const before = state();
    const indexes = [0, 1].map((a) => pool.areaIndex(a));
    const { hiwater } = pool;
    const back = rng.below(2) === 0;
    if (live.length > 0 && rng.below(100) < 48) {
      const k = rng.below(live.length);
      const { at, low, size, min, alloc } = live[k]!;
      expect(pool.unmap(at, min)).toBe(true);
      if (back) expect(pool.place(at, 1, low, size, min, alloc)).toBe(true);
      else live.splice(k, 1);
    } else {
      const [min, alloc] = [[0, 0xfff, 0x3fff][rng.below(3)]!, [0, 0xfff][rng.below(2)]!];
      const [low, size] = [rng.below(2 ** 32), 1 + rng.below(40000)];
      const at = pool.map(rng.below(2), 1, low, size, min, alloc, 0);
      if (at >= 0 && back) pool.unmap(at, min);
      else if (at >= 0) live.push({ at, low, size, min, alloc });
    }
    if (!back) continue;
    indexes.forEach((index, a) => {
      pool.setAreaIndex(a, index);
    });
    pool.hiwater = hiwater;
    expectEqual(state(), before);
  }
  expect(live.length).toBeGreaterThan(10);
});
