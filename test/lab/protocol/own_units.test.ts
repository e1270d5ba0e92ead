/** Linux's drivers of AMD-Vi and SMMUv3 on their own units: does a silent device write to a page that is somebody else's? */
import { expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import { compareUnit, ownUnit } from "../../../src/lab/protocol/own_units.js";
import { long } from "../../tier.js";

/** In time, late, twice, wrong, never, gone. */
const expected = ["", "I1", "", "I1", "I1", ""];

const kinds = (["linux-amdvi", "linux-smmuv3"] as const).flatMap((policy) =>
  (long ? [false, true] : [false]).map((hurries) => [policy, hurries] as const),
);

test.each(kinds)("%s gives the page away under a silent device (its own time runs out: %s)", (policy, hurries) => {
  const { cells } = compareUnit(policy, hurries);
  expect(cells.map((c) => c.broken.map((b) => b.rule).join(" "))).toEqual(expected);
  expect(cells.every((c) => c.complete)).toBe(true);
});

test.each(kinds)("%s: nothing hidden decides, and the page comes free", (policy) => {
  const limits = { statesMax: 20_000, bytesMax: 2 ** 27 };
  const found = explore(() => ownUnit(policy, { manners: "answers", timeOuts: 0 }), limits, { auditEvery: 20 });
  expect([found.complete, Object.values(found.sometimes)]).toEqual([true, [true]]);
});
