/** Work that stops for a moment now and then, done at once. */
import { expect, test } from "vitest";
import { atOnce, type Paced, part } from "../../src/base/paced.js";

function* countTo(n: number): Paced<string> {
  for (let i = 0; i < n; i++) yield i / n;
  return "done";
}

function* both(): Paced<string[]> {
  return [yield* part(countTo(2), 0, 0.5), yield* part(countTo(4), 0.5, 1)];
}

test("at once it gives its result, and tells how far it is", () => {
  const told: number[] = [];
  expect(atOnce(both(), (share) => told.push(share))).toEqual(["done", "done"]);
  expect(told).toEqual([0, 0.25, 0.5, 0.625, 0.75, 0.875]);
});
