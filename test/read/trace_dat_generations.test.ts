/** Generations of names and fields, losses, clocks and buffers: what recordings of other kernels hold. */
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { Context, EventKind, type EventSource } from "../../src/read/event.js";
import { openTraceDat } from "../../src/read/trace_dat/open.js";
import { eventRows } from "./event_rows.js";
import type { TextRow } from "./text_rows.js";
import { type FileShape, type Parts, plainV6, plainV7, writeTraceDat } from "./trace_dat_writer.js";
import { type FieldLine, type FieldValue, type MadeFormat, makeFormat, makeRecord } from "./trace_records.js";

const device: FieldLine = ["__data_loc char[] device", 4];
const dir: FieldLine = ["enum dma_data_direction dir", 4];
const attrs: FieldLine = ["unsigned long attrs", 8];
const size: FieldLine = ["size_t size", 8];
const u64 = (name: string): FieldLine => [`u64 ${name}`, 8];
const list = (name: string): FieldLine => [`__data_loc u64[] ${name}`, 4];
const lengths: FieldLine = ["__data_loc unsigned int[] lengths", 4];
const allOnes = 0xffff_ffff_ffff_ffffn;

const made = { pages: new Uint8Array(0) };

function parts(
  systems: Record<string, MadeFormat[]>,
  cpus: { time: bigint; record: Uint8Array; lost?: number }[][],
): Parts {
  return {
    ftrace: [],
    systems: Object.entries(systems).map(([name, formats]) => ({ name, formats: formats.map((f) => f.text) })),
    commands: "7 kworker/0:1\n300 a b-c\n",
    options: [{ id: 4, data: Buffer.from("[local] global\n\0") }],
    cpus: cpus.map((events, cpu) => ({ cpu, ...made, events })),
  };
}

const repacked = { ...plainV6, choices: {} };

async function open(p: Parts, shape: FileShape = repacked): Promise<EventSource> {
  return openTraceDat(memorySource("made.dat", writeTraceDat(p, shape)));
}

/** One event of a system, read back in both byte orders. */
async function one(
  system: string,
  format: MadeFormat,
  values: FieldValue[],
  beside: MadeFormat[] = [],
): Promise<TextRow> {
  const p = parts({ [system]: [format, ...beside] }, [[{ time: 1_500n, record: makeRecord(format, 7, 0, values) }]]);
  const rows = eventRows(await open(p));
  expect(eventRows(await open(p, { ...repacked, little: false }))).toEqual(rows);
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

const bdf = "0000:00:03.0";
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

  test("an event of the same name in another system is another event", async () => {
    const row = await one("xen", makeFormat("map", 60, [u64("iova"), u64("paddr"), size]), [1n, 2n, 3]);
    expect(row).toMatchObject({ kind: EventKind.other, dma: Number.NaN });
  });
});

const plain = makeFormat("dma_unmap_phys", 51, [device, u64("addr"), size, dir, attrs]);
const at = (time: bigint, flags = 0, pid = 7) => ({
  time,
  record: makeRecord(plain, pid, flags, [bdf, time, 1, 1, 0]),
});

describe("order and context", () => {
  test("CPUs are merged by full nanoseconds, of equal ones the lower first", async () => {
    const p = parts({ dma: [plain] }, [
      [at(1000n), at(2001n), at(9000n)],
      [at(1000n), at(2000n), at(2002n)],
      [at(999n), at(50_000_000_000n)],
    ]);
    const rows = eventRows(await open(p), 3);
    expect(rows.map((r) => [r.cpu, r.dma])).toEqual([
      [2, 999],
      [0, 1000],
      [1, 1000],
      [1, 2000],
      [0, 2001],
      [1, 2002],
      [0, 9000],
      [2, 50_000_000_000],
    ]);
    expect(rows.map((r) => r.time)).toEqual([1, 1, 1, 2, 2, 2, 9, 50_000_000]);
  });

  test("forty CPUs", async () => {
    const cpus = Array.from({ length: 40 }, (_, c) =>
      Array.from({ length: 50 }, (_, e) => at(BigInt(e * 4000 + ((c * 7919) % 4000)))),
    );
    const rows = eventRows(await open(parts({ dma: [plain] }, cpus)));
    expect(rows).toHaveLength(2000);
    for (let i = 1; i < rows.length; i++) expect(rows[i]!.dma).toBeGreaterThanOrEqual(rows[i - 1]!.dma);
  });

  test("microseconds are rounded half up, and exact for clocks that count from 1970", async () => {
    const base = 1_795_000_000_000_000_000n;
    const p = parts({ dma: [plain] }, [[at(base + 499n), at(base + 500n), at(base + 1499n), at(base + 1500n)]]);
    const source = await open(p, { ...repacked, clock: "tai" });
    expect(source.clock).toBe("tai");
    const us = Number(base / 1000n);
    expect(eventRows(source).map((r) => r.time)).toEqual([us, us + 1, us + 1, us + 2]);
  });

  test("a clock that counts no time is shown as it counts, with a warning", async () => {
    const source = await open(parts({ dma: [plain] }, [[at(5n), at(7n)]]), { ...repacked, clock: "counter" });
    expect(eventRows(source).map((r) => r.time)).toEqual([5, 7]);
    expect(source.warnings.list[0]!.what).toContain('"counter" does not count time');
  });

  test("hard interrupt, softirq, NMI, and tasks known and not", async () => {
    const events = [
      at(1n, 0x08),
      at(2n, 0x10),
      at(3n, 0x18),
      at(4n, 0x40, 0),
      at(5n, 1, 300),
      at(6n, 0, 70000),
      at(7n, 0, -5),
    ];
    const rows = eventRows(await open(parts({ dma: [plain] }, [events])));
    const { hardirq, softirq, nmi, task } = Context;
    expect(rows.map((r) => r.context)).toEqual([hardirq, softirq, hardirq, nmi, task, task, task]);
    expect(rows.slice(2).map((r) => r.task)).toEqual([
      "kworker/0:1-7",
      "<idle>-0",
      "a b-c-300",
      "<...>-70000",
      "<...>--5",
    ]);
  });
});

describe("losses", () => {
  const lost = (time: bigint, n: number) => ({ time, record: new Uint8Array(0), lost: n });
  const shapes: [string, FileShape][] = [
    ["64-bit, little endian", repacked],
    ["64-bit, big endian", { ...repacked, little: false }],
    ["32-bit, big endian, 64 KiB", { ...repacked, little: false, longBytes: 4, pageBytes: 65536 }],
  ];
  test.each(shapes)("of a known and of an unknown number: %s", async (_, shape) => {
    const p = parts({ dma: [plain] }, [
      [at(1000n), lost(3000n, 1234), at(3000n), lost(5000n, 0), at(5000n)],
      [at(2000n), at(4000n)],
    ]);
    const source = await open(p, shape);
    const rows = eventRows(source);
    expect(rows.map((r) => [r.kind === EventKind.lost ? r.size : "event", r.cpu, r.time])).toEqual([
      ["event", 0, 1],
      ["event", 1, 2],
      [1234, 0, 3],
      ["event", 0, 3],
      ["event", 1, 4],
      [0, 0, 5],
      ["event", 0, 5],
    ]);
    expect(source.lost).toBe(1235);
  });

  test("overwritten events that only the statistics tell of", async () => {
    const p = parts({ dma: [plain] }, [[at(1n)]]);
    const stat = "CPU: 0\nentries: 1\noverrun: 77\ncommit overrun: 0\ndropped events: 3\n\0";
    const source = await open({ ...p, options: [...p.options, { id: 2, data: Buffer.from(stat) }] });
    expect(source.warnings.list[0]!.what).toContain("CPU 0 overwrote or dropped 80 events");
  });
});

describe("buffers", () => {
  const p = parts({ dma: [plain] }, [[at(1000n)]]);
  test("that of an instance is read when it is the only one, and said", async () => {
    const source = await open(p, { ...plainV7, choices: {}, buffer: "mine" });
    expect(eventRows(source)).toHaveLength(1);
    expect(source.warnings.list[0]!.what).toContain('read trace instance "mine"');
  });

  test("a recording without events ends at once", async () => {
    const source = await open(parts({ dma: [plain] }, [[], []]));
    expect(eventRows(source)).toEqual([]);
    expect(source.progress).toBe(1);
  });
});
