/** Every IOVA of real kernels, and what is said where it cannot be known. */
import { describe, expect, test } from "vitest";
import type { LogFacts } from "../../../src/lab/replay/machine/log_facts.js";
import { fixture, logOf, replayed } from "../replayed.js";

test.each([
  ["vtd-legacy-strict", [426, 629, 22], { count: 62, found: 61 }],
  ["vtd-ats", [1476, 10, 11], { count: 1, found: 0 }],
  ["amdvi", [418, 115, 22], { count: 62, found: 62 }],
  ["smmuv3", [419, 0, 10], { count: 64, found: 64 }],
  // Lazy: addresses come back by the flushes that are recorded.
  ["vtd-scalable", [419, 115, 22], { count: 53, found: 50 }],
  ["vtd-scalable-fs", [418, 115, 22], { count: 37, found: 34 }],
  // Lazy, on four CPUs, by a kernel that writes a flush of all as an event of its own.
  ["four-cpus-6.12", [389, 432, 27], { count: 2, found: 1 }],
] as const)("%s: all are the kernel's own", async (recording, [singles, lists, coherents], unnamed) => {
  const { iova } = await replayed(fixture(`${recording}/trace.txt.gz`), { log: logOf(recording) });
  const all = (compared: number) => ({ compared, equal: compared });
  const of = { single: all(singles), list: all(lists), coherent: all(coherents) };
  const total = all(singles + lists + coherents);
  expect(iova).toEqual({ ...total, of, older: 0, unnamed, note: null, mismatches: [] });
});

const log: LogFacts = {
  ...logOf("vtd-legacy-strict"),
  iommuGroups: new Map([
    ["0000:00:03.0", 3],
    ["0000:00:04.0", 3],
    ["0000:00:05.0", 5],
  ]),
};

/** Lines of events, a microsecond apart. */
function recorded(...events: readonly string[]): string {
  const line = (e: string, i: number) => {
    const [, task = "a-1", cpu = "0", rest] = /^(?:(\S+)@(\d) )?(.*)$/s.exec(e)!;
    return `  ${task}  [00${cpu}] .....  1.${String(i).padStart(6, "0")}: ${rest}`;
  };
  return `# tracer: nop\n# entries-in-buffer/entries-written: ${events.length}/${events.length}   #P:2\n${events.map(line).join("\n")}\n`;
}

const hex = (n: number) => n.toString(16).padStart(16, "0");
const attach = (device: string) => `attach_device_to_domain: IOMMU: device=0000:00:0${device}.0`;
const mapOnly = (who: string, iova: number, bytes = 4096) =>
  `${who}map: IOMMU: iova=0x${hex(iova)} - 0x${hex(iova + bytes)} paddr=0x0000000007000000 size=${bytes}`;
const unmapOnly = (who: string, iova: number, bytes = 4096) =>
  `${who}unmap: IOMMU: iova=0x${hex(iova)} - 0x${hex(iova + bytes)} size=${bytes} unmapped_size=${bytes}`;
const mapped = (who: string, device: string, iova: number) =>
  `${who}dma_map_phys: 0000:00:0${device}.0 dir=TO_DEVICE dma_addr=${iova.toString(16)} size=4096 phys_addr=7000000 attrs=`;
const unmapped = (who: string, device: string, iova: number) =>
  `${who}dma_unmap_phys: 0000:00:0${device}.0 dir=TO_DEVICE dma_addr=${iova.toString(16)} size=4096 attrs=`;
const map = (who: string, device: string, iova: number) => [mapOnly(who, iova), mapped(who, device, iova)];
const unmap = (who: string, device: string, iova: number) => [unmapOnly(who, iova), unmapped(who, device, iova)];

const top = 0xffff_f000;
const outcome = async (events: readonly string[], o: { log?: LogFacts | null } = { log }) =>
  (await replayed(recorded(...events), o)).iova!;

describe("made recordings", () => {
  test("devices of one group share a domain, others do not", async () => {
    const events = [
      ...["3", "4", "5"].map(attach),
      ...map("", "3", top),
      ...map("", "4", top - 4096),
      ...map("", "5", top),
    ];
    expect(await outcome(events)).toMatchObject({ compared: 3, equal: 3 });
  });

  test("the address is chosen at the first iommu:map, whatever is recorded before its own event", async () => {
    const a = "a-1@0 ";
    const b = "b-2@1 ";
    const events = [attach("3"), mapOnly(a, top), ...map(b, "3", top - 4096), mapped(a, "3", top)];
    expect(await outcome(events)).toMatchObject({ compared: 2, equal: 2 });
  });

  test("what a CPU gave back it gets again; another CPU does not", async () => {
    const events = [attach("3"), ...map("", "3", top), ...unmap("", "3", top)];
    const again = [...map("b-2@1 ", "3", top - 4096), ...map("", "3", top)];
    expect(await outcome([...events, ...again])).toMatchObject({ compared: 3, equal: 3 });
  });

  test("a wrong address is told, and what follows goes on from it", async () => {
    const events = [attach("3"), ...map("", "3", top - 8192), ...map("", "3", top - 3 * 4096)];
    const { compared, equal, mismatches } = await outcome(events);
    expect([compared, equal, mismatches.map((m) => [m.of, m.kernel, m.model])]).toEqual([
      2,
      1,
      [["single", top - 8192, top]],
    ]);
  });

  test("an unnamed mapping is whose allocator would have given it; later, whose way it stands in", async () => {
    const one = [attach("3"), ...map("", "3", top), mapOnly("", top - 4096), ...map("", "3", top - 8192)];
    expect(await outcome(one)).toMatchObject({ equal: 2, unnamed: { count: 1, found: 1 } });
    const either = [attach("3"), attach("5"), mapOnly("", top), ...map("", "5", top - 4096), ...map("", "3", top)];
    expect(await outcome(either)).toMatchObject({ compared: 2, equal: 2, unnamed: { count: 1, found: 1 } });
  });

  test("and is given back when it is unmapped", async () => {
    const events = [attach("3"), ...map("", "3", top), mapOnly("", top - 4096), unmapOnly("", top - 4096)];
    expect(await outcome([...events, ...map("", "3", top - 4096)])).toMatchObject({ compared: 2, equal: 2 });
  });

  test("unmapped while its domain is not known, it is in a magazine of the one in whose way it stands", async () => {
    const events = [attach("3"), attach("5"), mapOnly("", top), unmapOnly("", top)];
    const elsewhere = await outcome([...events, ...map("b-2@1 ", "3", top - 4096)]);
    expect(elsewhere).toMatchObject({ compared: 1, equal: 1, unnamed: { count: 1, found: 1 } });
    expect(await outcome([...events, ...map("", "3", top)])).toMatchObject({ compared: 1, equal: 1 });
  });

  test("two that lie side by side are two: a range is as long as its address is even", async () => {
    const pair = (at: number) => [attach("3"), ...map("", "3", top), mapOnly("", at), mapOnly("", at + 4096)];
    const count = async (at: number) => (await outcome(pair(at))).unnamed.count;
    expect([await count(top - 3 * 4096), await count(top - 2 * 4096)]).toEqual([1, 2]);
  });

  test("a domain that is older than the recording is not compared", async () => {
    const events = [attach("3"), ...map("", "3", top), ...map("", "5", 0x1234_5000)];
    expect(await outcome(events)).toMatchObject({ compared: 1, equal: 1, older: 1, note: null });
    expect(await outcome(map("", "5", 0x1234_5000))).toMatchObject({ compared: 0, older: 1, note: expect.any(String) });
  });

  test("a device that is attached anew begins with nothing", async () => {
    const events = [attach("3"), ...map("", "3", top), ...map("", "3", top - 4096), attach("3"), ...map("", "3", top)];
    expect(await outcome(events)).toMatchObject({ compared: 3, equal: 3 });
  });

  test("without a log, of a lazy machine and without iommu:map nothing is compared, and why is said", async () => {
    const events = [attach("3"), ...map("", "3", top), ...unmap("", "3", top)];
    const lazy = { ...log, iommuPolicy: "lazy" };
    const notes = [
      (await outcome(events, { log: null })).note,
      (await outcome([...events, ...map("", "3", top - 4096)], { log: lazy })).note,
      (await outcome(events.filter((e) => !e.startsWith("map")))).note,
    ];
    expect(notes).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
    expect(new Set(notes).size).toBe(3);
  });

  test("a lazy machine gives an address again after a flush of the whole domain, and not before", async () => {
    const lazy = { ...log, iommuPolicy: "lazy" };
    const flush = "cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 5 [0x0-0xffffffffffffffff] addr 0x0 mask 0x34";
    const assigned = "cache_tag_assign: dmar0/dmar0 type iotlb did 5 pasid 0 ref 1";
    const events = [assigned, attach("3"), ...map("", "3", top), ...unmap("", "3", top), ...map("", "3", top - 4096)];
    expect(await outcome([...events, flush, ...map("", "3", top)], { log: lazy })).toMatchObject({
      compared: 3,
      equal: 3,
    });
    const early = await outcome([...events, ...map("", "3", top), flush], { log: lazy });
    expect(early).toMatchObject({ compared: 3, equal: 2 });
  });

  test("a miss says where another CPU may have given the address back", async () => {
    const lazy = { ...log, iommuPolicy: "lazy" };
    const all = "cache_tag_flush_all: dmar0/dmar0 type iotlb did 5 pasid 0 ref 1";
    const assigned = "cache_tag_assign: dmar0/dmar0 type iotlb did 5 pasid 0 ref 1";
    const events = [assigned, attach("3"), ...map("", "3", top), ...unmap("", "3", top)];
    const by = async (cpu: number) => {
      const { mismatches } = await outcome([...events, `c-3@${cpu} ${all}`, ...map("", "3", top)], { log: lazy });
      return mismatches.map(({ model, why }) => [model, why]);
    };
    expect(await by(0)).toEqual([]);
    const words = "CPU 1 is taken to have given it back after a flush, and CPU 0 may have done so itself";
    expect(await by(1)).toEqual([[top - 4096, words]]);
  });

  test("a recording without IOMMU events has no such part", async () => {
    expect((await replayed(recorded(mapped("", "3", 0x7000_000)), { log })).iova).toBeNull();
  });
});
