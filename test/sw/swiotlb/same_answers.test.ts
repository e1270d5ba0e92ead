import { expect, test } from "vitest";
import type { PoolShape } from "../../../src/sw/swiotlb/pool.js";
import { before2024 } from "../../../src/sw/swiotlb/profile.js";
import { sameAnswers } from "./same_answers.js";

const rows: readonly [what: string, shape: PoolShape, ops: number][] = [
  ["a pool of 1 MiB", { start: 0x7000_0000, slots: 512, areas: 1 }, 200_000],
  ["one that starts at an odd page below 2 GiB", { start: 0x7fff_f000, slots: 1024, areas: 4 }, 150_000],
  ["one that starts at an odd slot", { start: 0x1234_5800, slots: 1024, areas: 2 }, 100_000],
  ["one above 2^32", { start: 0x1f_fff3_1000, slots: 2048, areas: 2 }, 100_000],
  ["one that crosses 2^45", { start: 2 ** 45 - 0x10_0000, slots: 2048, areas: 1 }, 50_000],
  ["areas that are no power of two, and no multiple of a slot set", { start: 0x1000, slots: 1000, areas: 3 }, 150_000],
  ["a short last slot set", { start: 0x4000_0000, slots: 333, areas: 1 }, 100_000],
  ["a pool of three slots", { start: 0x4000_0000, slots: 3, areas: 1 }, 10_000],
  ["groups of slot sets", { start: 0x4000_1000, slots: 9000, areas: 2 }, 100_000],
  ["runs that pass the end", { start: 0x1000, slots: 300, areas: 1, bugs: ["runs-past-end"] }, 20_000],
  ["the rules before 2024", { start: 0x7000_1000, slots: 1024, areas: 2, profile: before2024 }, 100_000],
];

for (const [what, shape, ops] of rows) {
  test(`index and plain search agree: ${what}`, () => {
    const { mapped, refused } = sameAnswers({ shape, seed: 20, ops, cpus: 5 });
    expect(mapped).toBeGreaterThan(ops / 20);
    expect(refused).toBeGreaterThan(ops / 100);
  });
}
