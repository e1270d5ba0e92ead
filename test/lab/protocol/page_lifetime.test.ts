/** Each policy with each kind of device: is a page of somebody else written, and does the page come free? */
import { expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import { coarseSteps } from "../../../src/check/granularity.js";
import type { Manners } from "../../../src/hw/iommu/ats/device_tlb.js";
import { pageLifetime } from "../../../src/lab/protocol/page_lifetime.js";
import { type ReleasePolicyName, releasePolicies } from "../../../src/sw/iommu/lifetime/policies.js";
import { amount } from "../../tier.js";

const limits = { statesMax: 400_000, bytesMax: 2 ** 29 };

/** `safe`: all runs; `strays`: a page of somebody else is written (I1); `stuck`: the page never comes free (I9). */
function found(policy: ReleasePolicyName, manners: Manners): string {
  const build = () => pageLifetime({ policy: releasePolicies[policy], manners, writes: amount(1, 2) });
  const { violated, complete, sometimes } = explore(build, limits);
  if (violated !== null) return violated.invariant.startsWith("I1") ? "strays" : "stuck";
  expect(sometimes).toEqual({
    "the page has a new owner": true,
    "the device's TLB keeps what the tables do not say": true,
  });
  return complete ? "safe" : "cut";
}

test.each([
  ["no-wait", { answers: "strays", never: "strays", twice: "strays", lies: "strays" }],
  ["wait-for-ever", { answers: "safe", never: "stuck", twice: "safe", lies: "strays" }],
  ["linux-vtd", { answers: "safe", never: "stuck", twice: "safe", lies: "strays" }],
  ["give-up-and-free", { answers: "strays", never: "strays", twice: "strays", lies: "strays" }],
  ["fence-then-free", { answers: "safe", never: "safe", twice: "safe", lies: "strays" }],
  ["async-paused", { answers: "safe", never: "stuck", twice: "safe", lies: "strays" }],
  ["async-running", { answers: "safe", never: "stuck", twice: "safe", lies: "strays" }],
] as const)("%s", (policy, expected) => {
  for (const [manners, what] of Object.entries(expected).slice(0, amount(2, 4)))
    expect([manners, found(policy, manners as Manners)]).toEqual([manners, what]);
});

test("its steps are fine enough", () => {
  const machine = { policy: releasePolicies["fence-then-free"], manners: "answers" } as const;
  expect(coarseSteps((onAccess) => pageLifetime({ ...machine, onAccess }), limits).coarse).toEqual([]);
});
