/** Bytes beside mappings that a device reaches. */
import { expect, test } from "vitest";
import { Trail, toDevice } from "./trail.js";

const device = "0000:00:03.0";

test("an IOMMU leaves the rest of the first and the last page open", () => {
  const [e] = new Trail()
    .iommu(1)
    .map(10, { dma: 0xffff0100, phys: 0x70100, size: 0x1000 })
    .unmap(20, { dma: 0xffff0100, size: 0x1000 })
    .map(30, { dma: 0xfffe0000, phys: 0x80000, size: 0x2000 })
    .map(40, { dma: 0xfffd0f00, phys: 0x90f00, size: 0x100 })
    .result().exposure;
  expect(e).toMatchObject({
    device,
    reach: "pages",
    mappings: 3,
    partial: 2,
    bytes: 0x1000 + 0xf00,
    bytesPeak: 0x1000,
    foreign: 0,
  });
});

test("another mapping in the page is named: of another device, or for another direction", () => {
  const trail = new Trail().iommu(1).map(10, { dma: 0xffff0000, phys: 0x70000, size: 512 });
  trail.map(20, { dma: 0xfffe0200, phys: 0x70200, size: 512, direction: toDevice });
  trail.map(30, { dma: 0xfffd0400, phys: 0x70400, size: 512 });
  trail.map(40, { device: "b", dma: 0xfffc0600, phys: 0x70600, size: 512, direction: toDevice });
  const [first, other] = trail.result().exposure;
  expect(first!.foreign).toBe(2 + 2 + 3);
  expect(other!.foreign).toBe(3);
  expect(first!.examples[0]).toMatch(
    /TO_DEVICE .* \(physical 0x70200\).*; hold bytes of this: FROM_DEVICE .* \(physical 0x70000\)/,
  );
});

test("a mapping that is gone is no neighbour", () => {
  const trail = new Trail()
    .iommu(1)
    .map(10, { dma: 0xffff0000, phys: 0x70000, size: 512 })
    .unmap(15, { dma: 0xffff0000, size: 512 });
  trail.map(20, { dma: 0xfffe0200, phys: 0x70200, size: 512, direction: toDevice });
  expect(trail.result().exposure[0]!.foreign).toBe(0);
});

test("without translation the device reaches everything, said once", () => {
  const [e] = new Trail().map(10, { dma: 0x70000 }).map(20, { dma: 0x90100, phys: 0x90100 }).result().exposure;
  expect(e).toMatchObject({ reach: "everything", mappings: 2, partial: 0, bytes: 0 });
  expect(e!.words).toContain("all memory");
});

test("a bounced mapping leaves nothing open beside it, with an IOMMU or without", () => {
  const bounced = (trail: Trail) =>
    trail.bounced(5, { dma: 0x70100, size: 512 }).map(10, { dma: 0xb000100, phys: 0x70100, size: 512 });
  expect(bounced(new Trail()).result().exposure).toMatchObject([{ reach: "pool", partial: 0, bytes: 0 }]);
  expect(bounced(new Trail().iommu(1)).result().exposure).toMatchObject([{ reach: "pool", partial: 0, bytes: 0 }]);
});

test("a list whose pieces were joined is left out, and that is said", () => {
  const trail = new Trail().iommu(1).mapList(10, { dma: [0x1100], size: [8192], phys: [0x7100, 0x9000] });
  const result = trail.result();
  expect(result.exposure).toEqual([]);
  expect(result.notes[0]).toContain("1 lists were joined");
});

test("how an address came about may stay unknown", () => {
  expect(new Trail().map(10).result().exposure).toMatchObject([{ reach: "unknown", bytes: 0 }]);
});
