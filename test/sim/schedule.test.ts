/** One seeded run: an order that the seed decides, in which nobody is preferred. */
import { expect, test } from "vitest";
import { Rng } from "../../src/base/rng.js";
import type { Actor } from "../../src/sim/actor.js";
import { runUntilIdle } from "../../src/sim/schedule.js";

/** Actors of so many steps each, and the order in which they took them. */
function order(steps: readonly number[], seed: number, stepMax = 1e6) {
  const taken: number[] = [];
  const actors = steps.map((count, n): Actor => {
    let left = count;
    return {
      name: `${n}`,
      choices: () => (left > 0 ? 1 : 0),
      label: () => "",
      step: () => {
        if (left === 0) throw new Error("a step of an actor that is not ready");
        left--;
        taken.push(n);
      },
    };
  });
  return { ran: runUntilIdle(actors, new Rng(seed), stepMax), taken };
}

test("a run ends when nobody is ready, and everybody did all there was to do", () => {
  const { ran, taken } = order([3, 0, 5], 1);
  expect(ran).toEqual({ steps: 8, idle: true });
  expect(taken.toSorted()).toEqual([0, 0, 0, 2, 2, 2, 2, 2]);
  expect(order([], 1).ran).toEqual({ steps: 0, idle: true });
});

test("a run that is cut says so", () => {
  expect(order([3, 3], 1, 5).ran).toEqual({ steps: 5, idle: false });
});

test("one seed is one order, another seed another", () => {
  expect(order([20, 20], 4).taken).toEqual(order([20, 20], 4).taken);
  expect(order([20, 20], 5).taken).not.toEqual(order([20, 20], 4).taken);
});

test.each([
  ["all of them are ready", 0],
  ["most of twenty are not", 17],
])("each that is ready comes as often as any other, when %s", (_, idle) => {
  const { taken } = order([...new Array<number>(idle).fill(0), 40_000, 40_000, 40_000], 9, 30_000);
  for (let n = idle; n < idle + 3; n++) {
    const count = taken.filter((t) => t === n).length;
    expect(Math.abs(count - 10_000)).toBeLessThan(400);
  }
});
