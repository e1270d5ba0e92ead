/** Whatever is asked of the core, in any order: what fails changes nothing, and no cache keeps what is not so. */
import { expect, test } from "vitest";
import { amount } from "../../../tier.js";
import type { Omission } from "./caching_unit.js";
import { Bench, programOf } from "./programs.js";

const steps = 40;
const seeds = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

test("drawn programs keep what must hold", { timeout: 600_000 }, () => {
  const benches = [new Bench(), new Bench({ isRelied: true })];
  for (const seed of seeds(amount(200, 100_000))) {
    const wrong = programOf(benches[seed % 2]!, seed, steps);
    expect(wrong, `seed ${seed}`).toBeNull();
  }
});

test("of drivers that tear down first they find that a failure is no failure", () => {
  const bench = new Bench({ bug: "torn-down-first" });
  const found = seeds(amount(40, 400)).map((seed) => programOf(bench, seed, steps)?.split("\n")[0]);
  const broken = [...new Set(found.filter((wrong) => wrong !== undefined))];
  expect(broken.length).toBeGreaterThan(0);
  for (const wrong of broken) expect(wrong).toMatch(/failed, and changed something$/);
});

/** What is not told, and the rule that breaks. */
const omissions: readonly (readonly [Omission, RegExp])[] = [
  ["entry", /^I4/],
  ["id", /^I6/],
  ["device", /^I4/],
  ["nested", /^I1/],
];

test.each(omissions)("they find a unit that is not told of its %s", (omission, rule) => {
  const bench = new Bench({ omits: omission });
  const found = seeds(amount(40, 400)).map((seed) => programOf(bench, seed, steps));
  const broken = found.filter((wrong) => wrong !== null);
  expect(broken.length).toBeGreaterThan(0);
  expect(broken.some((wrong) => rule.test(wrong))).toBe(true);
});
