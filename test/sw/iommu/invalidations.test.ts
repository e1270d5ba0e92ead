/** The array of whom an SMMUv3's unmappings must tell, by the rows of the kernel's own test (arm-smmu-v3-test.c, invs_test). */
import { expect, test } from "vitest";
import {
  type Invalidations,
  merge,
  noInvalidations,
  purge,
  unref,
  type Whose,
} from "../../../src/sw/iommu/smmuv3/invalidations.js";

const whose = (kind: Whose["kind"], id: number, substream = 0): Whose => ({ unit: 0, kind, id, substream });
const [s2, s1] = [whose("vmid", 1), whose("vmid-first-stage", 1)];
const ats = (id: number, substream = 0) => whose("ats", id, substream);

const invs = {
  1: [s2, s1, ats(3)],
  2: [s2, ats(4), ats(5)],
  3: [s2, ats(5), ats(6)],
  4: [ats(10, 1), ats(10, 3), ats(12, 1)],
  5: [ats(10, 2), ats(10, 3), ats(12, 2)],
} as const;

const add = (n: keyof typeof invs) => (was: Invalidations) => merge(was, invs[n]);
const take = (n: keyof typeof invs) => (was: Invalidations) => unref(was, invs[n]).invs;

/** A step, ids, users, substreams, trash. */
const rows: readonly (readonly [string, (was: Invalidations) => Invalidations, string, string, string, number])[] = [
  ["+ 1", add(1), "1 1 3", "1 1 1", "0 0 0", 0],
  ["+ 2", add(2), "1 1 3 4 5", "2 1 1 1 1", "0 0 0 0 0", 0],
  ["- 2", take(2), "1 1 3", "1 1 1", "0 0 0", 0],
  ["+ 3", add(3), "1 1 3 5 6", "2 1 1 1 1", "0 0 0 0 0", 0],
  ["- 1", take(1), "1 1 3 5 6", "1 0 0 1 1", "0 0 0 0 0", 2],
  ["purge", purge, "1 5 6", "1 1 1", "0 0 0", 0],
  ["- 3", take(3), "", "", "", 0],
  ["+ 4", add(4), "10 10 12", "1 1 1", "1 3 1", 0],
  ["+ 5", add(5), "10 10 10 12 12", "1 1 2 1 1", "1 2 3 1 2", 0],
  ["- 5", take(5), "10 10 10 12", "1 0 1 1", "1 2 3 1", 1],
  ["purge", purge, "10 10 12", "1 1 1", "1 3 1", 0],
];

test("the kernel's rows, one after the other", () => {
  let now = noInvalidations;
  for (const [n, [step, does, ids, users, substreams, trash]] of rows.entries()) {
    now = does(now);
    const column = (key: "id" | "users" | "substream") => now.list.map((e) => e[key]).join(" ");
    expect([n, step, column("id"), column("users"), column("substream"), now.trash]).toEqual([
      ...[n, step, ids, users, substreams, trash],
    ]);
  }
});

test("who is left without a user is told, and one that nobody uses cannot lose one", () => {
  const both = merge(merge(noInvalidations, invs[1]), invs[2]);
  const { invs: left, unused } = unref(both, invs[1]);
  expect(unused).toEqual([s1, ats(3)]);
  expect(() => unref(left, [s1])).toThrow("no-user");
  // Another unit's is another one, and trash gets no second life.
  expect(merge(left, [{ ...s1, unit: 1 }]).list.map((e) => [e.unit, e.kind, e.users])).toEqual([
    ...[
      [0, "vmid", 1],
      [0, "ats", 1],
      [0, "ats", 1],
      [1, "vmid-first-stage", 1],
    ],
  ]);
});
