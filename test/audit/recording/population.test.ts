/** Low-water marks against the whole history of a class; and which marks mean growth. */
import { expect, test } from "vitest";
import { grows, Population } from "../../../src/audit/recording/population.js";
import { createRandom } from "../../random.js";

/** Marks from every level that the class ever had. @param history [time, level after], times in order */
function plainMarks(history: readonly (readonly [number, number])[], start: number, end: number): number[] | null {
  let width = 1000;
  while (Math.floor((end - start) / width) >= 32) width *= 2;
  const slice = (time: number) => Math.floor((time - start) / width);
  const low = new Map<number, number>();
  const note = (s: number, level: number) => low.set(s, Math.min(low.get(s) ?? Number.POSITIVE_INFINITY, level));
  let level = 0,
    at = slice(history[0]![0]);
  for (const [time, next] of [...history, [end, Number.NaN] as const]) {
    for (; at <= slice(time); at++) note(at, level);
    at--;
    if (!Number.isNaN(next)) note(at, next);
    level = Number.isNaN(next) ? level : next;
  }
  const born = slice(history[0]![0]),
    length = slice(end) - born + 1;
  if (length < 8) return null;
  return Array.from({ length: 8 }, (_, s) => {
    const from = born + Math.floor((s * length) / 8),
      to = born + Math.floor(((s + 1) * length) / 8);
    return Math.min(...Array.from({ length: to - from }, (_, k) => low.get(from + k)!));
  });
}

test("marks are the lowest levels of the stages, for recordings of any length and classes born at any time", () => {
  let compared = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = createRandom(seed),
      length = 10 ** (3 + random() * 6),
      population = new Population();
    const other = population.classOf(1, 0, 64, 0, 0),
      c = population.classOf(0, 0, 4096, 0, 0);
    population.change(other, 1, 0);
    const history: [number, number][] = [];
    // Busy classes and idle ones, level ones and growing ones.
    const pause = length / (seed % 2 === 0 ? 100 : 12),
      upward = seed % 3 === 0 ? 0.5 : 0.9;
    let time = length * random() * 0.8,
      level = 0;
    while (time < length) {
      const by = random() < upward ? 1 : -1;
      population.change(c, by, time);
      history.push([time, (level += by)]);
      time += pause * random();
    }
    if (history.length === 0) continue;
    expect(population.marks(c, length), `seed ${seed}`).toEqual(plainMarks(history, 0, length));
    compared++;
  }
  expect(compared).toBeGreaterThan(200);
});

test.each([
  ["a step at each stage", [0, 1, 2, 3, 4, 5, 6, 7], true],
  ["most stages", [0, 2, 2, 4, 5, 6, 6, 9], true],
  ["with a small dip", [0, 2, 4, 6, 5, 8, 9, 12], true],
  ["from a level", [250, 251, 253, 254, 256, 257, 259, 260], true],
  ["less than nothing was alive: of before the recording", [0, -9, -8, -6, -4, -2, 0, 4], false],
  ["filled once", [0, 255, 255, 255, 255, 255, 255, 255], false],
  ["filled in three goes", [0, 50, 50, 50, 100, 100, 150, 150], false],
  ["rises and falls back", [0, 3, 6, 9, 2, 6, 9, 12], false],
  ["grew, and then no more", [0, 2, 4, 6, 8, 8, 8, 8], false],
  ["hardly", [0, 0, 1, 1, 2, 2, 3, 3], false],
  ["level", [9, 9, 9, 9, 9, 9, 9, 9], false],
])("%s", (_name, marks, expected) => {
  expect(grows(marks)).toBe(expected);
});

test("more classes than there is room for are refused, and the others still told apart", () => {
  const population = new Population();
  const seen = new Set<number>();
  for (let size = 0; size < 5000; size++) seen.add(population.classOf(0, 0, size, 0, 0));
  expect(seen.size).toBe(4097);
  expect(population.classOf(0, 0, 4999, 0, 0)).toBe(-1);
  expect(population.classOf(0, 0, 17, 0, 0)).toBe(17);
});
