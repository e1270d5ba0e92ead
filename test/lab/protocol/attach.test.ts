/** Devices come and go while others unmap: without a bug every state of every machine is reached, and all rules hold. */
import { expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import type { Universe } from "../../../src/check/universe.js";
import { attachUniverses } from "../../../src/lab/protocol/attach/attach_universes.js";
import { replaceOfTwoFails } from "../../../src/lab/protocol/attach/failed_universes.js";
import { entryBugs } from "../../../src/sw/iommu/entry/bugs.js";
import { type AttachBugId, type AttachBugs, attachBugs, attachRule } from "../../../src/sw/iommu/group/bugs.js";
import { long } from "../../tier.js";

const limits = { statesMax: 20_000, bytesMax: 2 ** 27 };
/** What takes longest is searched by its demonstration, too. */
const quick = attachBugs.filter(({ id }) => long || (id !== "nested-id-recycled" && id !== "detach-window"));
const searched = (id: AttachBugId, on: boolean) =>
  explore(() => attachUniverses[id](new Set(on ? [id] : [])), limits, { auditEvery: 50, goesOn: true });

test.each(quick)("without $id all holds, and nothing is hidden", ({ id }) => {
  const { violations, complete, atRest } = searched(id, false);
  expect([violations.map((v) => v.invariant), complete, atRest > 0]).toEqual([[], true, true]);
});

test.each(quick.filter(({ rule }) => rule === "I2" || rule === "I4" || rule === "tags"))(
  "$id breaks its rule",
  ({ id, rule }) => {
    const broken = searched(id, true).violations.map((v) => v.invariant);
    expect(broken).toContain(attachRule(rule));
  },
);

const brokenBy = (universe: (bugs: AttachBugs) => Universe, ...bugs: readonly AttachBugId[]) =>
  explore(() => universe(new Set(bugs)), limits, { auditEvery: 0, goesOn: true }).violations.map((v) => v.invariant);

test("what firmware wants mapped is never missed, unless by way of nothing, mapped behind the entry, or blocked by a claim", () => {
  for (const id of ["region-by-way-of-nothing", "region-mapped-behind", "region-blocked"] as const) {
    const universe = attachUniverses[id];
    expect([id, brokenBy(universe), brokenBy(universe, id)]).toEqual([id, [], [attachRule("I5")]]);
  }
});

test("of two devices of which the second does not suit neither misses anything, unless the driver tears down first", () => {
  expect(brokenBy(replaceOfTwoFails)).toEqual([]);
  expect(brokenBy(replaceOfTwoFails, "torn-down-first")).toEqual([attachRule("I5")]);
});

test("a device that sends by two ids is led by both, and one that shares an id keeps its entry", () => {
  const [led, attached] = [attachUniverses["alias-from-another"], attachUniverses["alias-cleared"]];
  expect([brokenBy(led), brokenBy(attached)]).toEqual([[], []]);
  expect(brokenBy(led, "alias-from-another")).toEqual([attachRule("I1")]);
  expect(brokenBy(attached, "alias-cleared")).toEqual([attachRule("I5")]);
});

test("candidates are called so, with what they assume", () => {
  const candidates = [...attachBugs, ...entryBugs].filter(({ source }) => source.startsWith("candidate"));
  expect(candidates.length).toBe(10);
  for (const { source } of candidates) expect(source).toMatch(/not confirmed by its authors; assumes /);
});
