/** Lists of which the recording shows a part: without bus addresses, or with fewer than buffers. */
import { expect, test } from "vitest";
import { Trail } from "./trail.js";

/** A recording that shows how the device's lists end. */
const begun = () => new Trail().mapList(1, { dma: [0x100000], phys: [0x200000] }).unmapList(2, { phys: [0x200000] });

/** Lists that are alive at the end, in the order of their sizes. */
const alive = (trail: Trail) =>
  trail
    .finish()
    .alive.map((group) => [group.size, group.count, group.bytes])
    .toSorted((a, b) => a[0]! - b[0]!);

test("a list without bus addresses has no size, whatever list comes after it", () => {
  const trail = begun();
  trail.mapList(10, { phys: [0x7000] }).mapList(11, { dma: [0x1000], size: [512], phys: [0x9000] });
  expect(alive(trail.wait(20))).toEqual([
    [0, 1, 0],
    [512, 1, 512],
  ]);
});

test("nor a bus address: what comes after it may lie there", () => {
  const trail = begun();
  trail.mapList(10, { phys: [0x7000] }).mapList(11, { dma: [0x1000], size: [512], phys: [0x9000] });
  trail
    .unmapList(20, { phys: [0x9000] })
    .unmap(21, { dma: 0x1000, size: 512 })
    .wait(2e6);
  const { violationTotals, alive: left } = trail.finish();
  expect([violationTotals.map((v) => [v.rule, v.count]), left.length]).toEqual([[["double-unmap", 1]], 1]);
});

test("a joined list has the size of its bus ranges, and ends by its buffers", () => {
  const joined = { dma: [0x1000, 0x8000], size: [8192, 512], phys: [0x7000, 0x9000, 0xb000] };
  expect(alive(begun().mapList(10, joined).wait(20))).toEqual([[8704, 1, 8704]]);
  expect(alive(begun().mapList(10, joined).unmapList(15, { phys: joined.phys }).wait(20))).toEqual([]);
});

test("an empty list is none", () => {
  expect(alive(begun().mapList(10, {}).wait(20))).toEqual([]);
});
