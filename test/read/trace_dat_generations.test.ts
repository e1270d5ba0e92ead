/** Generations of names and fields: what recordings of other kernels hold. */
import { describe, expect, test } from "vitest";
import { Context, EventKind } from "../../src/read/event.js";
import { expectEqual } from "../equal.js";
import { eventRows } from "./event_rows.js";
import { allOnes, attrs, bdf, device, dir, lengths, list, open, parts, repacked, size, u64 } from "./made_recording.js";
import type { TextRow } from "./text_rows.js";
import { type FieldLine, type FieldValue, type MadeFormat, makeFormat, makeRecord } from "./trace_records.js";

/** One event of a system, read back in both byte orders. */
async function one(
  system: string,
  format: MadeFormat,
  values: FieldValue[],
  beside: MadeFormat[] = [],
): Promise<TextRow> {
  const p = parts({ [system]: [format, ...beside] }, [[{ time: 1_500n, record: makeRecord(format, 7, 0, values) }]]);
  const rows = eventRows(await open(p));
  expectEqual(eventRows(await open(p, { ...repacked, little: false })), rows);
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

const capped = makeFormat("dma_map_sg", 90, [device, ["int full_nents", 4]]);

describe("fields of each generation", () => {
  const single = [device, u64("phys_addr"), u64("dma_addr"), size, dir, attrs];
  test.each(["dma_map_page", "dma_map_resource", "dma_map_phys"])("%s", async (name) => {
    const row = await one("dma", makeFormat(name, 50, single), [bdf, 0x1000n, 0xfffff000n, 512, 1, 34]);
    const wanted = {
      kind: EventKind.map,
      device: bdf,
      phys: 0x1000,
      dma: 0xfffff000,
      size: 512,
      direction: 1,
      attrs: 34,
    };
    expect(row).toMatchObject({ ...wanted, task: "kworker/0:1-7", time: 2, context: Context.task });
  });

  test("a map that failed has all ones for an address", async () => {
    const row = await one("dma", makeFormat("dma_map_phys", 50, single), [bdf, 0x1000n, allOnes, 512, 1, 0]);
    expect(row.dma).toBe(-1);
  });

  test.each(["dma_unmap_page", "dma_unmap_resource", "dma_unmap_phys"])("%s", async (name) => {
    const format = makeFormat(name, 51, [device, u64("addr"), size, dir, attrs]);
    const row = await one("dma", format, [bdf, 0x2000n, 64, 2, 0]);
    expect(row).toMatchObject({
      kind: EventKind.unmap,
      device: bdf,
      dma: 0x2000,
      phys: Number.NaN,
      size: 64,
      direction: 2,
    });
  });

  test("dma_map_sg before lists were capped", async () => {
    const format = makeFormat("dma_map_sg", 52, [device, list("phys_addrs"), list("dma_addrs"), lengths, dir, attrs]);
    const row = await one("dma", format, [bdf, [0x1000n, 0x3000n], [0x9000n], [8192], 0, 0]);
    const lists = { listPhys: [0x1000, 0x3000], listDma: [0x9000], listSize: [8192], physTotal: 0 };
    expect(row).toMatchObject({ kind: EventKind.mapList, device: bdf, direction: 0, ...lists });
  });

  test("dma_map_sg since they are", async () => {
    const full: FieldLine[] = [
      ["int full_nents", 4],
      ["int full_ents", 4],
      ["bool truncated", 1],
    ];
    const lists = [list("phys_addrs"), list("dma_addrs"), lengths];
    const format = makeFormat("dma_map_sg", 52, [device, ...full, ...lists, dir, attrs]);
    const row = await one("dma", format, [bdf, 200, 200, 1, [0x1000n], [0x9000n], [4096], 0, 0]);
    expect(row).toMatchObject({ listPhys: [0x1000], listDma: [0x9000], listSize: [4096], physTotal: 200 });
  });

  test("dma_map_sg_err and dma_unmap_sg hold physical addresses", async () => {
    const err = makeFormat("dma_map_sg_err", 53, [device, list("phys_addrs"), ["int err", 4], dir, attrs]);
    const failed = await one("dma", err, [bdf, [0x1000n], 5, 1, 0]);
    expect(failed).toMatchObject({ kind: EventKind.mapListError, listPhys: [0x1000], listDma: [] });
    const unmap = makeFormat("dma_unmap_sg", 54, [device, list("addrs"), dir, attrs]);
    expect(await one("dma", unmap, [bdf, [0x1000n], 1, 0])).toMatchObject({
      kind: EventKind.unmapList,
      listPhys: [0x1000],
    });
  });

  test("the direction of an allocation is believed where the kernel sets it", async () => {
    const fields = [
      device,
      ["void * virt_addr", 8] as const,
      u64("dma_addr"),
      size,
      ["gfp_t flags", 4] as const,
      dir,
      attrs,
    ];
    const values: FieldValue[] = [bdf, 1n, 0x5000n, 4096, 0, 2, 0];
    const format = makeFormat("dma_alloc_pages", 55, fields);
    expect((await one("dma", format, values)).direction).toBe(255);
    expect((await one("dma", format, values, [capped])).direction).toBe(2);
    const coherent = makeFormat("dma_alloc", 56, fields);
    expect((await one("dma", coherent, values)).direction).toBe(255);
    expect((await one("dma", coherent, values.with(5, 0))).direction).toBe(0);
    expect(await one("dma", coherent, values)).toMatchObject({ kind: EventKind.alloc, dma: 0x5000, size: 4096 });
  });

  test("dma_alloc of 6.12, which had a physical address and no direction", async () => {
    const format = makeFormat("dma_alloc", 56, [
      device,
      u64("phys_addr"),
      u64("dma_addr"),
      size,
      ["gfp_t flags", 4],
      attrs,
    ]);
    const row = await one("dma", format, [bdf, 0x5000n, 0x6000n, 4096, 0, 0]);
    expect(row).toMatchObject({ kind: EventKind.alloc, phys: 0x5000, dma: 0x6000, direction: 255 });
  });

  test("swiotlb_bounced with a bool, with an enum, and on a 32-bit kernel", async () => {
    const name: FieldLine = ["__data_loc char[] dev_name", 4];
    const now = makeFormat("swiotlb_bounced", 57, [
      name,
      u64("dma_mask"),
      ["dma_addr_t dev_addr", 8],
      size,
      ["bool force", 1],
    ]);
    const wanted = { kind: EventKind.bounced, device: bdf, mask: 2 ** 64, dma: 0x1234, size: 100, forced: 1 };
    expect(await one("swiotlb", now, [bdf, allOnes, 0x1234n, 100, 1])).toMatchObject(wanted);
    const small: FieldLine[] = [
      ["dma_addr_t dev_addr", 4],
      ["size_t size", 4],
      ["enum swiotlb_force swiotlb_force", 4],
    ];
    const old = makeFormat("swiotlb_bounced", 57, [name, u64("dma_mask"), ...small]);
    expect(await one("swiotlb", old, [bdf, 0xffffffffn, 0x1234, 100, 1])).toMatchObject({
      ...wanted,
      mask: 0xffffffff,
    });
    expect((await one("swiotlb", old, [bdf, 0xffffffffn, 0x1234, 100, 2])).forced).toBe(0);
  });

  test("synchronisation of one buffer and of a list", async () => {
    const single = makeFormat("dma_sync_single_for_cpu", 58, [device, u64("dma_addr"), size, dir]);
    expect(await one("dma", single, [bdf, 0x40n, 64, 2])).toMatchObject({
      kind: EventKind.syncForCpu,
      dma: 0x40,
      size: 64,
    });
    const lists = makeFormat("dma_sync_sg_for_device", 59, [device, list("dma_addrs"), lengths, dir]);
    const row = await one("dma", lists, [bdf, [0x40n, 0x80n], [1, 2], 1]);
    expect(row).toMatchObject({ kind: EventKind.syncListForDevice, listDma: [0x40, 0x80], listSize: [1, 2] });
  });

  test("iommu: map, unmap, a fault", async () => {
    const map = makeFormat("map", 60, [u64("iova"), u64("paddr"), size]);
    expect(await one("iommu", map, [0x1000n, 0x2000n, 4096])).toMatchObject({
      kind: EventKind.iommuMap,
      dma: 0x1000,
      phys: 0x2000,
    });
    const unmap = makeFormat("unmap", 61, [u64("iova"), size, ["size_t unmapped_size", 8]]);
    expect(await one("iommu", unmap, [0x1000n, 4096, 4096])).toMatchObject({
      kind: EventKind.iommuUnmap,
      dma: 0x1000,
      size: 4096,
    });
    const fault = makeFormat("io_page_fault", 62, [
      device,
      ["__data_loc char[] driver", 4],
      u64("iova"),
      ["int flags", 4],
    ]);
    const row = await one("iommu", fault, [bdf, "drv", 0xdead000n, 1]);
    expect(row).toMatchObject({ kind: EventKind.iommuFault, device: bdf, dma: 0xdead000 });
  });

  test("intel_iommu of 5.4 wrote the driver's calls, an event for each entry of a list", async () => {
    const name: FieldLine = ["__data_loc char[] dev_name", 4];
    const address: FieldLine[] = [["dma_addr_t dev_addr", 8], ["phys_addr_t phys_addr", 8], size];
    const single = makeFormat("bounce_map_single", 63, [name, ...address]);
    const wanted = { kind: EventKind.map, device: bdf, dma: 0x1000, phys: 0x2000, size: 64, direction: 255 };
    expect(await one("intel_iommu", single, [bdf, 0x1000n, 0x2000n, 64])).toMatchObject(wanted);
    const entry = makeFormat("map_sg", 64, [name, ...address, ["int index", 4], ["int total", 4]]);
    const row = await one("intel_iommu", entry, [bdf, 0x1000n, 0x2000n, 64, 1, 4]);
    expect(row).toMatchObject({ kind: EventKind.mapList, listDma: [0x1000], listSize: [64], listPhys: [0x2000] });
  });

  test("intel_iommu: descriptors to the bit, caches with how many use them", async () => {
    const words = ["qw0", "qw1", "qw2", "qw3"].map(u64);
    const format = makeFormat("qi_submit", 70, [...words, ["__data_loc char[] iommu", 4]]);
    const values = [0x8000_0001_ffff_fffen, allOnes, 0n, 0n, "dmar0"];
    const row = await one("intel_iommu", format, values);
    const halves = { attrs: 0xffff_fffe, size: 0x8000_0001, phys: 0xffff_ffff, mask: 0xffff_ffff, dma: NaN };
    expect(row).toMatchObject({ kind: EventKind.descriptor, device: "", ...halves });
    const tag: FieldLine[] = [
      ["u16 domain_id", 2],
      ["u16 type", 2],
      ["u32 pasid", 4],
      ["u32 users", 4],
    ];
    const assigned = await one("intel_iommu", makeFormat("cache_tag_assign", 71, tag), [5, 1, 7, 3]);
    expect(assigned).toMatchObject({ kind: EventKind.cacheAssigned, size: 5, mask: 1, phys: 7, attrs: 3 });
  });

  test("an event of the same name in another system is another event", async () => {
    const row = await one("xen", makeFormat("map", 60, [u64("iova"), u64("paddr"), size]), [1n, 2n, 3]);
    expect(row).toMatchObject({ kind: EventKind.other, dma: Number.NaN });
  });
});
