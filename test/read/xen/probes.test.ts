/** Probes of a Xen domain's kernel: from text and from trace.dat into the same columns. */
import { describe, expect, test } from "vitest";
import { EventBatch, EventKind, memorySource, openFtraceText, openTraceDat } from "../../../src/read/index.js";
import { probeNames } from "../../../src/read/probes/probes.js";
import { FrameKind } from "../../../src/read/xen/p2m_file.js";
import { fixture } from "../../lab/replayed.js";
import { eventRows } from "../event_rows.js";
import { textToDat } from "./text_to_dat.js";

const head = "            init-1       [000] bNs3.    57.851749: ";
const foreign = (args: string) => `setforeign_ops: (set_foreign_p2m_mapping+0x4/0x310) ${args}`;

function one(event: string) {
  const batch = new EventBatch();
  openFtraceText(memorySource("text", new TextEncoder().encode(`${head}${event}\n`))).next(batch);
  expect(batch.count).toBe(1);
  const of = (name: "dma" | "phys" | "size" | "mask") => batch[name][0]!;
  return {
    kind: batch.kind[0]!,
    ...{ dma: of("dma"), phys: of("phys"), size: of("size"), mask: of("mask"), attrs: batch.attrs[0]! },
    direction: batch.direction[0]!,
    listDma: [...batch.listDma.subarray(0, batch.dmaCount[0])],
    listSize: [...batch.listSize.subarray(0, batch.dmaCount[0])],
    listPhys: [...batch.listPhys.subarray(0, batch.physCount[0])],
    total: batch.physTotal[0]!,
  };
}

describe("one event", () => {
  const rows: readonly [what: string, event: string, columns: Partial<ReturnType<typeof one>>][] = [
    [
      "a map call with its device in quotes",
      'xs_map: (xen_swiotlb_map_phys+0x4/0x380) dev="0000:00:04.0" phys=0x47df640 size=90 dir=1 attrs=0x20',
      { kind: EventKind.xenMap, phys: 0x47df640, size: 90, direction: 1, attrs: 0x20 },
    ],
    [
      "a search that found nothing answers all ones",
      "tbl_map_ret: (xen_swiotlb_map_phys+0x14b/0x380 <- swiotlb_tbl_map_single) tlb=0xffffffffffffffff",
      { kind: EventKind.xenSearched, dma: -1 },
    ],
    [
      "a local P2M entry",
      "set_p2m: (set_phys_to_machine+0x4/0x60) pfn=0x83c0 mfn=0x7fc60",
      { kind: EventKind.xenFrame, phys: 0x83c0000, dma: 0x7fc60000, attrs: FrameKind.local },
    ],
    [
      "one with the foreign bit",
      "set_p2m: (x+0x4/0x60) pfn=0x10 mfn=0x8000000000001234",
      { phys: 0x10000, dma: 0x1234000, attrs: FrameKind.foreign },
    ],
    [
      "one with the identity bit",
      "set_p2m: (x+0x4/0x60) pfn=0x10 mfn=0x4000000000000010",
      { dma: 0x10000, attrs: FrameKind.identity },
    ],
    ["an invalid one", "set_p2m: (x+0x4/0x60) pfn=0x10 mfn=0xffffffffffffffff", { dma: -1, attrs: FrameKind.invalid }],
    [
      "grants: garbage beyond the count is left out, statuses have a sign",
      foreign(
        "count=2 va0=0xffff88803fffd000 fl0=0x6 ref0=523 dom0=1 st0=0 h0=0xa bus0=0x74fcb000 st1=-13 bus1=0x0 dom1=2 ref1=4294936704 st2=16581 bus2=0xffff888010028498",
      ),
      {
        kind: EventKind.xenGrants,
        ...{ listDma: [0x74fcb000, 0], listSize: [0, -13], total: 2 },
        listPhys: [2 ** 32 + 523, 2 * 2 ** 32 + 4294936704, Number.NaN],
      },
    ],
    [
      "grants on Arm: after who granted what, where in the domain each was mapped",
      foreign(
        "count=2 va0=0x4d1fa000 fl0=0x6 ref0=523 dom0=1 st0=0 bus0=0xb9000000 va1=0x4d2fd000 ref1=524 dom1=1 st1=0 bus1=0xb9001000 va2=0x0",
      ),
      { listDma: [0xb9000000, 0xb9001000], listPhys: [2 ** 32 + 523, 2 ** 32 + 524, 0x4d1fa000, 0x4d2fd000], total: 2 },
    ],
    [
      "and where they were unmapped from",
      "clrforeign_ops: (clear_foreign_p2m_mapping+0x4/0x98) count=1 va0=0x4d1fa000 h0=0x2 st0=0 va1=0x4d2fd000",
      { kind: EventKind.xenUngrants, listPhys: [0x4d1fa000], total: 1 },
    ],
    [
      "several entries of a tree at once",
      "set_p2m: (__set_phys_to_machine_multi+0x4/0x1c0) pfn=0x4d1fa mfn=0xb9000 n=3",
      { kind: EventKind.xenFrame, phys: 0x4d1fa000, dma: 0xb9000000, size: 3 * 4096 },
    ],
    [
      "cache maintenance by the CPU, at a physical address",
      "arch_sync_cpu: (arch_sync_dma_for_cpu+0x4/0x50) phys=0x6893d840 size=1522 dir=2",
      { kind: EventKind.cacheForCpu, phys: 0x6893d840, size: 1522, direction: 2 },
    ],
    [
      "the same for the device, asked of the hypervisor at a bus address",
      "xdma_sync_dev: (xen_dma_sync_for_device+0x4/0x40) handle=0xb9000000 size=4096 dir=1",
      { kind: EventKind.xenCacheForDevice, dma: 0xb9000000, size: 4096, direction: 1 },
    ],
    [
      "a call of it begins in the midst of a frame",
      "cflush: (dma_cache_maint+0xc0/0x140) cmd=12 bus=0xb9000000 off=130 len=1314 op=1",
      { kind: EventKind.xenFlush, dma: 0xb9000000 + 130, size: 1314, attrs: 1 },
    ],
    [
      "and fails",
      "cflush_ret: (dma_cache_maint+0xc4/0x140) ret=-22",
      { kind: EventKind.xenFlushed, size: 2 ** 64 - 22 },
    ],
    [
      "a batch larger than the probe says how large",
      foreign("count=40 st0=0 bus0=0x1000 dom0=1 ref0=1"),
      { listDma: [0x1000], total: 40 },
    ],
    [
      "pages are frames of the domain",
      "setforeign_pages: (x+0x4/0x310) count=2 pg0=0xffffea0000ffff40 pg1=0x1234 pg2=0x0",
      { kind: EventKind.xenGrantPages, listPhys: [0x3fffd000, Number.NaN], total: 2 },
    ],
    [
      "a region of 2^4 pages below 2^28",
      "contig: (xen_create_contiguous_region+0x4/0x1e0) pstart=0x83c0000 order=4 bits=28",
      { kind: EventKind.xenRegion, phys: 0x83c0000, size: 65536, mask: 28 },
    ],
    ["somebody else's probe of the same name", "contig: (f+0x4/0x1e0) other=1", { kind: EventKind.other }],
    ["a probe with words instead of numbers", "set_p2m: (f+0x4/0x60) pfn=abc mfn=def", { kind: EventKind.other }],
  ];
  for (const [what, event, columns] of rows) test(what, () => expect(one(event)).toMatchObject(columns));
});

test("what a recording's probes say is the same in trace.dat", async () => {
  const text = new TextDecoder().decode(fixture("xen-domu-nvme-nopers/full.trace.txt.gz"));
  const names = new Set([...probeNames, "dma_map_phys", "dma_unmap_phys"]);
  const kept = text.split("\n").filter((row) => names.has(/\d: (\w+): /.exec(row)?.[1] ?? ""));
  const rows = eventRows(openFtraceText(memorySource("text", new TextEncoder().encode(`${kept.join("\n")}\n`))));
  const binary = eventRows(await openTraceDat(memorySource("dat", textToDat(text, names))));
  expect(rows.length).toBe(kept.length);
  expect(rows.filter((r) => r.kind === EventKind.xenGrants).length).toBe(124);
  expect(binary).toEqual(rows);
});
