/** Devices come and go while others unmap: without a bug every state of every machine is reached, and all rules hold. */
import { expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import { attachUniverses } from "../../../src/lab/protocol/attach/attach_universes.js";
import { type AttachBugId, attachBugs, attachRule } from "../../../src/sw/iommu/group/bugs.js";
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

test("candidates are called so, with what they assume", () => {
  const candidates = attachBugs.filter(({ source }) => source.startsWith("candidate"));
  expect(candidates.length).toBe(6);
  for (const { source } of candidates) expect(source).toMatch(/not confirmed by its authors; assumes /);
});
