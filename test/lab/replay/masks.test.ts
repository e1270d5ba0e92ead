/** DMA masks that change within a recording. */
import { expect, test } from "vitest";
import { DeviceMasks, maskWords } from "../../../src/lab/replay/machine/masks.js";
import { replayed } from "../replayed.js";

const bits = (n: number) => 2 ** n - 1;

test("a printed mask holds until another is printed, or more is reached", () => {
  const masks = new DeviceMasks();
  expect(masks.at(3, 0).mask).toBeNaN();
  masks.printed(0, 10, bits(28));
  masks.printed(0, 20, bits(28));
  masks.reached(0, 30, 2 ** 33);
  masks.reached(0, 40, 2 ** 32);
  masks.printed(0, 50, bits(32));
  expect(masks.at(0, 5)).toMatchObject({ mask: bits(28), printed: true });
  expect(masks.at(0, 29)).toMatchObject({ mask: bits(28), printed: true });
  expect(masks.at(0, 30)).toMatchObject({ mask: bits(34), printed: false });
  expect(masks.at(0, 60)).toMatchObject({ mask: bits(32), printed: true });
  expect(masks.smallest(0)).toBe(bits(28));
  expect(masks.changes(0).map(maskWords)).toEqual(["at least 34 bits", "32 bits"]);
  expect([masks.learntAt(0, 30), masks.learntAt(0, 50)]).toEqual([true, false]);
});

test("what was reached before the first printed mask is not held against it", () => {
  const masks = new DeviceMasks();
  masks.reached(0, 5, 2 ** 36);
  masks.printed(0, 10, bits(28));
  expect(masks.at(0, 5)).toMatchObject({ mask: bits(37), printed: false });
  expect(masks.at(0, 10).mask).toBe(bits(28));
});

const device = "0000:00:09.0";
const line = (time: number, event: string) => `  insmod-1  [000] .....  ${time.toFixed(6)}: ${event}`;
const direct = (time: number, phys: string) => [
  line(time, `dma_map_phys: ${device} dir=TO_DEVICE dma_addr=${phys} size=4096 phys_addr=${phys} attrs=`),
  line(time + 0.001, `dma_unmap_phys: ${device} dir=TO_DEVICE dma_addr=${phys} size=4096 attrs=`),
];
const bounced = (time: number, phys: string, at: string) => [
  line(time, `swiotlb_bounced: dev_name: ${device} dma_mask=fffffff dev_addr=${phys} size=4096 NORMAL`),
  line(time + 0.001, `dma_map_phys: ${device} dir=TO_DEVICE dma_addr=${at} size=4096 phys_addr=${phys} attrs=`),
  line(time + 0.002, `dma_unmap_phys: ${device} dir=TO_DEVICE dma_addr=${at} size=4096 attrs=`),
];

test("a driver sets 28 bits, then 64, then 28 again: every decision to bounce is followed", async () => {
  const text = [
    ...direct(1, "1000000"),
    ...bounced(2, "20000000", "8000000"),
    ...bounced(3, "120000000", "8000800"),
    ...[4, 5, 6, 7].flatMap((t) => direct(t, `${t}20000000`)),
    ...bounced(8, "20000000", "8001000"),
    ...direct(9, "2000000"),
  ];
  const o = await replayed(`# tracer: nop\n${text.join("\n")}\n`);
  expect(o.maps).toMatchObject({ total: 9, direct: 6, bounced: 3 });
  // Two of the direct ones show how far the device reaches: nothing is predicted of those.
  expect(o.exact.decisions.equal).toBe(o.exact.decisions.compared);
  expect(o.exact.decisions.compared).toBeGreaterThanOrEqual(7);
  expect(o.machine.evidence.filter((e) => e.includes("DMA mask"))).toEqual([
    `${device}: a DMA mask of at least 35 bits from 4.000000 s on`,
    `${device}: a DMA mask of 28 bits from 8.000000 s on`,
  ]);
});
