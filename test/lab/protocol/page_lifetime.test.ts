/** Each policy with each kind of device: which rules break, and that the machine in which they do is what it says it is. */
import { expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import { coarseSteps } from "../../../src/check/granularity.js";
import {
  compared,
  costOf,
  type DeviceCompared,
  devicesCompared,
  type PolicyCost,
} from "../../../src/lab/protocol/comparison.js";
import { ledToOther, pageLifetime, writesToOther } from "../../../src/lab/protocol/page_lifetime.js";
import { type ReleasePolicyName, releasePolicies } from "../../../src/sw/iommu/lifetime/policies.js";
import { amount, long } from "../../tier.js";

const limits = { statesMax: 400_000, bytesMax: 2 ** 29 };
const devices = Object.keys(devicesCompared) as DeviceCompared[];
/** The searches with time-outs are the larger ones, those most of all in which two submissions are under way. */
const short = (policy: ReleasePolicyName): readonly DeviceCompared[] => {
  const { caller, status } = releasePolicies[policy];
  return caller === "stands still" && status === "of the slot" ? ["in time", "wrong", "never"] : ["in time", "wrong"];
};

/** What breaks, device by device in the order of `devicesCompared`: in time, late, twice, wrong, never, gone. */
const expected: Readonly<Record<ReleasePolicyName, readonly string[]>> = {
  "no-wait": ["I1 I3 view", "I1 I3 view", "I1 I3 view", "I1 I3 view", "I1 I3 view", "I3"],
  "batch-without-references": ["I1 I3", "I1 I3", "I1 I3", "I1 I3 view", "I1 I3 I9", "I3 I9"],
  "batch-with-references": ["", "", "", "I1 view", "I9", "I9"],
  "xen-2016": ["", "I1 I3 I7 I8 view", "", "I1 view", "I1 I3 I7 I8 view", "I3 I7"],
  "xen-2021": ["", "", "", "I1 view", "I9", "I9"],
  "linux-vtd": ["", "", "", "I1 view", "I9", "I3"],
  "linux-amdvi": ["", "I1 I3 I8 view", "", "I1 view", "I1 I3 I8 view", "I3 I8"],
  "linux-smmuv3": ["", "I1 I3 I8 view", "", "I1 view", "I1 I3 I8 view", "I3 I8"],
  "fence-then-free": ["", "", "", "I1 view", "", ""],
  "async-paused": ["", "", "", "I1 view", "I9", "I9"],
  "async-running": ["view", "view", "view", "I1 view", "I9 view", "I9"],
  "export-barrier": ["", "", "", "I1 view", "I9", "I9"],
};

test.each(Object.keys(expected) as ReleasePolicyName[])("%s breaks what it breaks, and nothing else", (policy) => {
  for (const device of long ? devices : short(policy)) {
    const { broken, complete } = compared(policy, device);
    const rules = broken.map((b) => b.rule).join(" ");
    expect([device, rules, complete]).toEqual([device, expected[policy][devices.indexOf(device)], true]);
  }
});

test("its steps are fine enough, it hides nothing, and what is feared can happen", () => {
  const machine = { policy: releasePolicies["fence-then-free"], manners: "answers", hurries: true } as const;
  expect(
    coarseSteps((onAccess) => pageLifetime({ ...machine, timeOuts: amount(0, 1), onAccess }), limits).coarse,
  ).toEqual([]);
  const running = () => pageLifetime({ policy: releasePolicies["async-running"], manners: "answers", timeOuts: 0 });
  const { sometimes } = explore(running, limits, { auditEvery: 20, goesOn: true });
  const unseen = Object.keys(sometimes).filter((name) => !sometimes[name]);
  expect(unseen).toEqual([writesToOther, ledToOther]);
});

test("the pause costs the guest what the hypervisor's waiting would, and running on costs it nothing", () => {
  const costs = (["xen-2021", "async-paused", "async-running"] as const).map(costOf);
  const [standing, paused, running] = costs as [PolicyCost, PolicyCost, PolicyCost];
  expect([standing.hypervisorStands > 0, paused.hypervisorStands, running.hypervisorStands]).toEqual([true, 0, 0]);
  expect([standing.guestIsPaused, paused.guestIsPaused > 0, running.guestIsPaused]).toEqual([0, true, 0]);
  expect(running.guestWaits).toBeLessThan(paused.guestWaits);
  expect(costs.map((c) => c.interrupts)).toEqual([0, 1, 1]);
});
