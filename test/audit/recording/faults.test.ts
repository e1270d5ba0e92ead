/** Accesses that an IOMMU refused, and what the recording knows of their addresses. */
import { expect, test } from "vitest";
import { both, Trail } from "./trail.js";

const device = "0000:c2:00.0";

test("an address used a moment after its unmapping is told with who unmapped it, and how long ago", () => {
  const range = { device, dma: 0xfe98_0000, size: 524288, direction: both, task: "kworker/u64:0-12" };
  const { faults } = new Trail()
    .alloc(4_878_079, range)
    .free(327_747_763, range)
    .fault(327_753_942, { device, dma: 0xfe99_0010, attrs: 1 })
    .result();
  expect(faults).toMatchObject([{ device, count: 1, writes: 1, pages: 1, afterUnmap: 1, whileMapped: 0 }]);
  expect(faults[0]!.examples[0]).toBe(
    "wrote to 0xfe990010 at 327.753942 s, 6 ms after task kworker/u64:0 freed it (a coherent allocation of " +
      "524288 bytes) at 327.747763 s",
  );
});

test("an address in a living mapping, and one that was never seen", () => {
  const { faults } = new Trail()
    .map(10, { device, dma: 0x20000, size: 8192 })
    .fault(20, { device, dma: 0x21000 })
    .fault(30, { device, dma: 0x9000 })
    .result();
  expect(faults[0]).toMatchObject({ count: 2, writes: 0, pages: 2, afterUnmap: 0, whileMapped: 1 });
  expect(faults[0]!.examples[0]).toContain("while this was mapped");
  expect(faults[0]!.examples[1]).toContain("no mapping of it is in the recording");
});

test("a range that only the IOMMU's own event ends is known, too", () => {
  const { faults } = new Trail()
    .iommuUnmap(1000, { dma: 0x20000, size: 8192 })
    .fault(1250, { device, dma: 0x21008 })
    .result();
  expect(faults[0]).toMatchObject({ afterUnmap: 1 });
  expect(faults[0]!.examples[0]).toContain("250 us after was unmapped");
});

test("another device's unmapping, and one of long ago, explain nothing", () => {
  const { faults } = new Trail()
    .map(10, { device: "0000:00:01.0" })
    .unmap(20, { device: "0000:00:01.0" })
    .map(30, { device, dma: 0x50000 })
    .unmap(40, { device, dma: 0x50000 })
    .fault(50, { device })
    .fault(500e6, { device, dma: 0x50000 })
    .result();
  expect(faults[0]).toMatchObject({ count: 2, afterUnmap: 0, whileMapped: 0 });
});

test("a storm is counted, with few examples", () => {
  const trail = new Trail();
  for (let i = 0; i < 10_000; i++) trail.fault(i, { device, dma: 0x1000_0000 + i * 256 });
  const [row] = trail.result().faults;
  expect(row).toMatchObject({ count: 10_000, pages: 625 });
  expect(row!.examples.length).toBe(5);
});
