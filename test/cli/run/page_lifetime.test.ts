/** `dmalab run --page-lifetime`: what goes with it. That its page is what runs say is test/docs/page_lifetime's to see. */
import { expect, test } from "vitest";
import { devicesCompared } from "../../../src/lab/protocol/comparison.js";
import { pageLifetimeSchema } from "../../../src/report/schema/page_lifetime.js";
import { releasePolicies } from "../../../src/sw/iommu/lifetime/policies.js";
import { long } from "../../tier.js";
import { dmalab } from "../called.js";

test.each([
  ["a scenario", ["--page-lifetime", "--scenario", "ring"], /do not go together/],
  ["a file", ["trace.dat", "--page-lifetime"], /machine of its own/],
  ["a seed", ["--page-lifetime", "--seed", "2"], /--seed goes with/],
])("%s beside it is refused", async (_, args, says) => {
  const { code, out, err } = await dmalab(["run", ...args]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(says);
});

test.runIf(long)("it is a document, in which each broken rule is told step by step, and lines", async () => {
  const { out, code } = await dmalab(["run", "--page-lifetime", "--json"]);
  const { policies, calls } = pageLifetimeSchema.parse(JSON.parse(out));
  expect([code, policies.map((p) => p.policy)]).toEqual([0, Object.keys(releasePolicies)]);
  for (const { cells } of policies) expect(cells.map((c) => c.device)).toEqual(Object.keys(devicesCompared));
  expect(calls.map((c) => c.cells.length)).toEqual(new Array(8).fill(3));
  const broken = policies.flatMap((p) => p.cells.flatMap((c) => c.broken));
  expect(broken.length).toBeGreaterThan(40);
  expect(broken.filter((b) => b.steps.length === 0)).toEqual([]);
  const lines = await dmalab(["run", "--page-lifetime"]);
  expect(lines.code).toBe(0);
  for (const name of Object.keys(releasePolicies)) expect(lines.out).toContain(`${name}: `);
});
