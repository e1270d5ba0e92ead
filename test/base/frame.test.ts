import { expect, test } from "vitest";
import { above, address, Misuse, mfn, pfn, Rng } from "../../src/base/index.js";

test.each([
  ["a negative one", -1],
  ["a part of one", 0.5],
  ["no number", Number.NaN],
  ["more than 52 bits", 2 ** 52],
])("a frame number is refused: %s", (_, n) => expect(() => pfn(n)).toThrow(Misuse));

test.each([-1, 0.5, Number.NaN, 2 ** 53, 2 ** 56, 2 ** 64, -1n, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 64n])(
  "a byte address is refused: %s",
  (n) => expect(() => address(n)).toThrow(Misuse),
);

test("byte addresses are exact to 2^53, and beyond where a frame begins", () => {
  const exact = [address(0), address(2 ** 53 - 1), address(5n), address(2n ** 53n), address(2n ** 64n - 4096n)];
  expect(exact).toEqual([0, 2 ** 53 - 1, 5, 2 ** 53, 2 ** 64 - 4096]);
});

test("frames go up in their own space, to its end and not beyond", () => {
  expect(above(mfn(2 ** 52 - 2), 1)).toBe(2 ** 52 - 1);
  expect(() => above(mfn(2 ** 52 - 1), 1)).toThrow(Misuse);
});

test("a seed is a run, another seed another one, and every value stays below its bound", () => {
  const run = (seed: number) => {
    const rng = new Rng(seed);
    return Array.from({ length: 1000 }, () => rng.below(10));
  };
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
  expect(new Set(run(7))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
});
