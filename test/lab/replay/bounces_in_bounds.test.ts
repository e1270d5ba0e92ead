/** Where bounces land, and what another address then is. */
import { expect, test } from "vitest";
import { BouncesInBounds } from "../../../src/lab/replay/events/bounces_in_bounds.js";

const bounds = { from: 0x1000, to: 0x2000 };
const [inside, last, below, beyond] = [0x1000, 0x1fff, 0xfff, 0x2000];

test.each([
  ["none has landed: any address may be one", [], true],
  ["all landed inside: no other is one", [inside, last], false],
  ["none landed inside", [below, beyond], true],
  ["some landed outside", [inside, below, beyond], true],
  ["one that is not known says nothing", [inside, -1, Number.NaN], false],
] as const)("%s", (_what, landed, others) => {
  const bounces = new BouncesInBounds(bounds);
  for (const address of landed) bounces.add(address);
  expect([inside, last].map((a) => bounces.mayBe(a))).toEqual([true, true]);
  expect([below, beyond].map((a) => bounces.mayBe(a))).toEqual([others, others]);
});

test("without bounds every address may be one", () => {
  const bounces = new BouncesInBounds(null);
  bounces.add(inside);
  expect([inside, beyond].map((a) => bounces.mayBe(a))).toEqual([true, true]);
});
