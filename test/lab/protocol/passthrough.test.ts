/** Pages leave a domain whose device works on: by each call, held by each thing that may hold them. */
import { expect, test } from "vitest";
import { explore } from "../../../src/check/explore.js";
import { bystander, twoFlushes } from "../../../src/lab/protocol/bug_universes.js";
import { passthrough, type XenCall, xenCalls } from "../../../src/lab/protocol/passthrough.js";
import type { Held } from "../../../src/sw/iommu/lifetime/xen_calls.js";

const limits = { statesMax: 20_000, bytesMax: 2 ** 27 };
const broken = (build: Parameters<typeof explore>[0]) => {
  const { violations, bounded } = explore(build, limits, { auditEvery: 500, goesOn: true });
  expect(bounded).toBeNull();
  return violations.map((v) => v.invariant.split(":")[0]).sort();
};

const calls = xenCalls.flatMap((call) => [true, false].map((hasTlb) => [call, hasTlb] as const));
const held = (call: XenCall, by: Held, hasTlb: boolean) => broken(() => passthrough({ call, held: by, hasTlb }));

test.each(calls)(
  "%s, held by nothing: the page is written when it is somebody else's (TLB of its own: %s)",
  (call, hasTlb) => {
    const table = call === "destroy" && !hasTlb ? ["I2'"] : [];
    expect(held(call, "by nothing", hasTlb)).toEqual(expect.arrayContaining(["I1", ...table, "I3"]));
  },
);

test.each(calls)(
  "%s: the caller's wait holds the page until the flush is done (TLB of its own: %s)",
  (call, hasTlb) => {
    expect(held(call, "by the wait", hasTlb)).toEqual([]);
  },
);

test.each(calls)("%s: references of the table hold it, and its tables (TLB of its own: %s)", (call, hasTlb) => {
  expect(held(call, "by references", hasTlb)).toEqual([]);
});

test("the handler of two flushes misses none, and finds their pages without a list", () => {
  expect(broken(() => twoFlushes(new Set()))).toEqual([]);
  expect(broken(() => twoFlushes(new Set(["woken-too-late"])))).toEqual(["I9"]);
});

test("who did not ask the silent device goes on waiting for its own answer", () => {
  expect(broken(() => bystander(new Set()))).toEqual([]);
  expect(broken(() => bystander(new Set(["bystander-given-up"])))).toEqual(["I3"]);
});
