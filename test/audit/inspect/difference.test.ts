/** What differs between two inspections, compared whole: which devices, in what order, what of each, what it lost and gained. */
import { expect, test } from "vitest";
import { differenceOf } from "../../../src/audit/inspect/difference/difference.js";
import type { DeviceReach, Inspection } from "../../../src/audit/inspect/facts/inspection.js";
import type { Ranges } from "../../../src/table/ranges.js";
import { device, ranges } from "./machine.js";

const inspection = (devices: readonly DeviceReach[]): Inspection => ({
  source: { file: "mem", format: "raw", machine: null, bytes: 0 },
  units: [],
  devices,
  findings: [],
});

const rowsOf = (r: Ranges) =>
  Array.from({ length: r.count }, (_, n) => [r.iova[n], r.paddr[n], r.bytes[n], r.allow[n]].join(" "));

/** Each change in a line, and how many are the same. */
function told(before: readonly DeviceReach[], after: readonly DeviceReach[]) {
  const { changes, same } = differenceOf(inspection(before), inspection(after));
  const lines = changes.map((c) =>
    [c.name, c.pasid, ...c.words, ...rowsOf(c.lost), "->", ...rowsOf(c.gained)].join(", "),
  );
  for (const c of changes) {
    expect([c.before, c.after].map((d) => d === null || (before.includes(d) ? d === c.before : d === c.after))).toEqual(
      [true, true],
    );
  }
  return [...lines, `${same} same`];
}

const one = ranges([0x1000, 0x5000, 0x2000]);
const other = ranges([0x1000, 0x5000, 0x1000], [0x9000, 0x6000, 0x1000, 1]);

test("devices that are in one only, that changed, and that did not, in the order of their numbers", () => {
  const before = [
    device(0x18, one),
    device(0x10, null),
    device(0x300, one),
    device(0x20, one, { pasid: 5 }),
    device(0x20, one, { pasid: 0 }),
    device(0x20, null),
    device(0x8, null, { segment: 1 }),
  ];
  const after = [
    device(0x18, other),
    device(0x300, one),
    device(0x28, null),
    device(0x20, other, { pasid: 0 }),
    device(0x20, one, { pasid: 5 }),
    device(0x20, null, { allow: 1 }),
    device(0x8, null, { segment: 1 }),
  ];
  expect(told(before, after)).toEqual([
    "0000:00:02.0, , removed: was blocked, ->",
    "0000:00:03.0, , 8192 24576 4096 3, ->, 36864 24576 4096 1",
    "0000:00:04.0, , allowed: reading, was reading and writing, ->",
    "0000:00:04.0, 0, 8192 24576 4096 3, ->, 36864 24576 4096 1",
    "0000:00:05.0, , added: blocked, ->",
    "3 same",
  ]);
  expect(told(before, before)).toEqual(["7 same"]);
});

test("a device that came or went has all its ranges gained or lost", () => {
  const all = "4096 20480 8192 3";
  expect(told([], [device(3, one)])).toEqual([`0000:00:00.3, , added: translated, ->, ${all}`, "0 same"]);
  expect(told([device(3, one)], [])).toEqual([`0000:00:00.3, , removed: was translated, ${all}, ->`, "0 same"]);
});

test("tables that devices share are told of each of them", () => {
  const [a, b] = [ranges([0x1000, 0x5000, 0x1000]), ranges([0x1000, 0x6000, 0x1000])];
  const line = (name: string) => `${name}, , 4096 20480 4096 3, ->, 4096 24576 4096 3`;
  const domain = { domain: 7 };
  expect(told([device(1, a, domain), device(2, a, domain)], [device(1, b, domain), device(2, b, domain)])).toEqual([
    line("0000:00:00.1"),
    line("0000:00:00.2"),
    "0 same",
  ]);
  const [crossed] = [told([device(1, a, domain), device(2, b, domain)], [device(1, b, domain), device(2, a, domain)])];
  expect(crossed).toEqual([line("0000:00:00.1"), "0000:00:00.2, , 4096 24576 4096 3, ->, 4096 20480 4096 3", "0 same"]);
});

test("devices on no bus are told apart by what firmware calls them", () => {
  const path = "\\_SB_.DPU0";
  const on = device(3, null, { path });
  expect(told([on, device(3, null)], [{ ...on, ats: true }, device(3, null)])).toEqual([
    `${path} stream 0x3, , ATS: on, was off, ->`,
    "1 same",
  ]);
});

test("each word that an entry may change in", () => {
  const was = device(1, null, { domain: 4, stage: "first", ats: true });
  const now = device(1, null, { state: "identity", why: "another" });
  expect(told([was], [now])).toEqual([
    "0000:00:00.1, , state: identity, was blocked, domain: none, was 4, stage: none, was first, ATS: off, was on, ->",
    "0 same",
  ]);
  const words = [0, 1, 2, 3].map((allow) => told([device(1, null)], [device(1, null, { allow: allow as 0 })])[0]);
  expect(words).toEqual([
    "0000:00:00.1, , allowed: nothing, was reading and writing, ->",
    "0000:00:00.1, , allowed: reading, was reading and writing, ->",
    "0000:00:00.1, , allowed: writing, was reading and writing, ->",
    "1 same",
  ]);
});

test("what is allowed without a table means nothing where there is one", () => {
  expect(told([device(1, one)], [device(1, one, { allow: 1 })])).toEqual(["1 same"]);
  expect(
    told([device(1, null, { domain: 1, state: "translated", stage: "second" })], [device(1, one, { allow: 1 })]),
  ).toEqual(["0000:00:00.1, , ->, 4096 20480 8192 3", "0 same"]);
});
