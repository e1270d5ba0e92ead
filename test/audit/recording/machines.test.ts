/** Recordings of healthy machines, and of a driver that does one thing wrong: what is accused, and what is not judged. */
import { expect, test } from "vitest";
import { replayFile } from "../../../src/cli/run/replay_file.js";
import { quiet } from "../../cli/called.js";

/** Folder, ways of its mappings, and devices of which it is not known what is alive. */
const healthy = [
  ["bare-7.3", ["direct"], ["0000:00:01.0", "0000:00:02.0"]],
  ["pass-through-7.3", ["direct"], ["0000:00:01.0", "0000:00:02.0"]],
  ["bare-6.12", ["direct"], []],
  ["preempt-rt-6.12", ["direct"], []],
  ["identity-in-the-midst-7.3", ["direct", "translated"], ["0000:00:01.0"]],
] as const;

test.each(healthy)("%s is healthy: nothing is accused", async (name, ways, unknown) => {
  const { outcome, audit } = await replayFile(`fixtures/${name}/trace.txt.gz`, {}, quiet());
  expect(outcome.maps.total).toBeGreaterThan(1000);
  const used = (["direct", "bounced", "translated", "failed"] as const).filter((way) => outcome.maps[way] > 0);
  expect(used).toEqual(ways);
  expect(audit).toMatchObject({ violationTotals: [], leaks: [], faults: [] });
  expect([...audit.aliveUnknown!].sort()).toEqual(unknown);
  const why = audit.unjudged!.filter((u) => u.what.includes("single")).map((u) => u.why);
  expect(why.length).toBe(unknown.length > 0 ? 1 : 0);
  for (const reason of why) expect(reason).toMatch(/7\.3\.4.*dma_need_unmap/);
});

/** What the driver did ten times (or, leaking, a hundred times), and what is made of it. */
const drivers = [
  ["right-bare", {}, 0],
  ["right-vtd", {}, 0],
  ["twice-bare", { "double-unmap": 10 }, 0],
  ["size-pass-through", { "unmap-size": 10 }, 0],
  ["direction-bare", { "unmap-direction": 10 }, 0],
  // The last of ten is followed by no further end of the device.
  ["over-vtd", { overlap: 9 }, 0],
  ["leak-vtd", {}, 100],
  // Direct mappings of this kernel may end without an event: not judged.
  ["leak-bare", {}, 0],
] as const;

test.each(drivers)("a driver: %s", async (name, rules, leaked) => {
  const { audit } = await replayFile(`fixtures/drivers-7.3/${name}.trace.txt.gz`, {}, quiet());
  expect(Object.fromEntries(audit.violationTotals!.map((v) => [v.rule, v.count]))).toEqual(rules);
  expect(audit.leaks.reduce((sum, leak) => sum + leak.count, 0)).toBe(leaked);
  for (const v of audit.violations) expect(v.device).toBe("0000:00:03.0");
});

test("a driver that sets other masks: every decision to bounce, every refusal", async () => {
  const { outcome } = await replayFile("fixtures/mask-changes-7.3/trace.txt.gz", {}, quiet());
  const { decisions, refusals } = outcome.exact;
  expect(decisions.compared).toBeGreaterThan(250);
  expect(decisions.equal).toBe(decisions.compared);
  expect(refusals).toEqual({ compared: 15, equal: 15 });
  expect(outcome.machine.evidence.filter((e) => e.includes("DMA mask")).length).toBe(6);
});
