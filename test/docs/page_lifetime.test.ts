/** docs/page-lifetime.md is what the command writes. DMALAB_WRITE=1 writes it; the long tier runs every cell again. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { comparePolicies, comparePolicy } from "../../src/lab/protocol/comparison.js";
import { callRows, pageLifetimeMarkdown, policyRows, unitRows } from "../../src/report/index.js";
import { releasePolicies } from "../../src/sw/iommu/lifetime/policies.js";
import { long } from "../tier.js";

const path = "docs/page-lifetime.md";
const isWriting = process.env["DMALAB_WRITE"] === "1";

test.runIf(long || isWriting)(`${path} is what all runs say`, () => {
  const text = pageLifetimeMarkdown(comparePolicies());
  if (isWriting) writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
});

const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replace(/[\\`*_[\]<>|]/g, "\\$&")).join(" | ")} |`;

test("its rows of Xen's calls are what runs say", () => {
  const lines = readFileSync(path, "utf8").split("\n");
  for (const cells of [...callRows(true), ...callRows(false)]) expect(lines).toContain(line(cells));
});

test.runIf(long)("its rows of drivers on their own units are what runs say", () => {
  const lines = readFileSync(path, "utf8").split("\n");
  for (const cells of unitRows()) expect(lines).toContain(line(cells));
});

test("its rows of a policy are what runs say", () => {
  const name = "xen-2021";
  const lines = readFileSync(path, "utf8").split("\n");
  const { policy, frees, breaks, costs } = policyRows(comparePolicy(name));
  for (const cells of [policy, frees, breaks, costs]) expect(lines).toContain(line(cells));
});

/** Two more lines each. */
const ownUnits = { "linux-amdvi": true, "linux-smmuv3": true };

test("it has every policy, in each of its four tables", () => {
  const text = readFileSync(path, "utf8");
  for (const name of Object.keys(releasePolicies))
    expect(text.split(`\n| ${name} |`)).toHaveLength(name in ownUnits ? 7 : 5);
});
