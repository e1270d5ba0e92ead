/** "swiotlb buffer is full": the cause by the numbers of the line, on made-up rows and on real cases. */
import { expect, test } from "vitest";
import { explainLine, explainLog, type MachineContext, nothingKnown } from "../../../src/audit/index.js";
import { createRandom } from "../../random.js";
import { writtenDown } from "./written_down.js";

const full = (size: number, total: number, used: number, who = "virtio-pci 0000:00:03.0"): string =>
  `[   12.330410] ${who}: swiotlb buffer is full (sz: ${size} bytes), total ${total} (slots), used ${used} (slots)`;

const kinds = (text: string, machine: Partial<MachineContext> = {}): string[] =>
  writtenDown(explainLine(text, { ...nothingKnown, ...machine })).map((f) => f.kind);

/** Line, machine, causes. */
const rows: readonly (readonly [string, string, Partial<MachineContext>, string[]])[] = [
  ["exactly the largest", full(262144, 32768, 256), {}, ["fragmented"]],
  ["fewer in use than there are sets: one is wholly empty", full(262144, 32768, 255), {}, ["constraint"]],
  ["one byte more", full(262145, 32768, 100), {}, ["too-large"]],
  ["too large, and the pool is full besides", full(2097152, 524288, 515875), {}, ["too-large", "exhausted"]],
  ["too large in a small pool of many areas", full(524288, 512, 0), { areas: 4 }, ["too-large"]],
  ["nvme, beyond its own limit", full(262144, 32768, 100, "nvme 0000:00:03.0"), {}, ["device-limit"]],
  ["nvme, at its limit", full(258048, 32768, 300, "nvme 0000:00:03.0"), {}, ["fragmented"]],
  [
    "nvme, at its limit and not at a slot's edge",
    full(258048 + 2047, 32768, 300, "nvme 0000:00:03.0"),
    {},
    ["fragmented"],
  ],
  ["no slot is free", full(4096, 512, 512), {}, ["exhausted"]],
  ["one slot is free and two are needed", full(4096, 512, 511), {}, ["exhausted"]],
  ["two slots are free and two are needed", full(4096, 512, 510), {}, ["exhausted"]],
  ["nine tenths in use", full(4096, 1000, 900), {}, ["exhausted"]],
  ["just below", full(4096, 1000, 899), {}, ["fragmented"]],
  ["just enough free in sum", full(262144, 512, 384), {}, ["fragmented"]],
  ["half in use", full(65536, 32768, 16384), {}, ["fragmented"]],
  ["more in use than there is", full(4096, 512, 600), {}, ["exhausted"]],
  ["nothing in use", full(4096, 32768, 0), {}, ["nothing-used"]],
  ["an empty pool of no slots", full(4096, 0, 0), {}, ["absent"]],
  ["areas smaller than the request", full(262144, 512, 0), { areas: 8 }, ["area-too-small"]],
  ["areas just as large as the request", full(262144, 1024, 10), { areas: 8 }, ["fragmented"]],
  ["enough in sum, not in any area", full(65536, 512, 400), { areas: 8 }, ["area"]],
  ["areas that hold whole sets are no obstacle of their own", full(65536, 512, 400), { areas: 4 }, ["fragmented"]],
  ["the same in a single area", full(65536, 512, 400), { areas: 1 }, ["fragmented"]],
  ["an old kernel's line, too large", "hda: swiotlb buffer is full (sz: 1048576 bytes)", {}, ["too-large"]],
  [
    "an old kernel's line",
    "facetimehd 0000:02:00.0: swiotlb buffer is full (sz: 4096 bytes)",
    {},
    ["unknown-occupancy"],
  ],
  [
    "an older kernel's line",
    "DMA: Out of SW-IOMMU space for 65536 bytes at device 0000:02:00.0",
    {},
    ["unknown-occupancy"],
  ],
  [
    "no pool",
    "nvme 0000:00:03.0: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
    {},
    ["absent"],
  ],
  [
    "the pool is out of reach",
    "snd 0000:00:1b.0: swiotlb addr 0x00000001fe000000+4096 overflow (mask ffffffff, bus limit 0).",
    {},
    ["mask"],
  ],
  [
    "the buffer is out of reach and there is no pool",
    "snd 0000:00:1b.0: DMA addr 0x00000001fe000000+4096 overflow (mask ffffffff, bus limit 0).",
    {},
    ["absent"],
  ],
  [
    "a copy beyond the mapping",
    "igb 0000:00:03.0: Buffer overflow detected. Allocation size: 2048. Mapping size: 4096.",
    {},
    ["buffer-overflow"],
  ],
  [
    "the same, of a kernel around 5.0",
    "snd 0000:00:1b.0: overflow 0x00000001fe000000+4096 of DMA mask ffffffff bus limit 0",
    {},
    ["not-bounced"],
  ],
  [
    "encrypted memory",
    "software IO TLB: Memory encryption is active and system is using DMA bounce buffers",
    {},
    ["encrypted-memory"],
  ],
  [
    "the pool was halved",
    "software IO TLB: SWIOTLB bounce buffer size adjusted 524288 -> 131072 slabs",
    {},
    ["no-low-memory"],
  ],
  [
    "the checker of the kernel",
    "DMA-API: e1000e 0000:00:04.0: device driver tries to free DMA memory it has not allocated [device address=0x1000]",
    {},
    ["dma-api-double-unmap"],
  ],
  [
    "an alignment that leaves no room",
    "Alloc alignment may prevent fulfilling requests with max mapping_size",
    {},
    ["alignment"],
  ],
  ["something else", "nvme 0000:00:03.0: enabling device (0000 -> 0002)", {}, []],
  ["nothing", "", {}, []],
];

test.each(rows)("%s", (_name, line, machine, expected) => {
  expect(kinds(line, machine)).toEqual(expected);
});

/** Public cases: what was printed, and the cause. */
const cases: readonly (readonly [string, string, string[]])[] = [
  ["QubesOS/qubes-issues#5670", full(2097152, 32768, 0, "amdgpu 0000:03:00.0"), ["too-large"]],
  ["AMDESE/AMDSEV#281", full(2097152, 524288, 515875), ["too-large", "exhausted"]],
  ["Dstack-TEE/dstack#1192", full(262144, 524288, 523564), ["exhausted"]],
  ["coreos/coreos-assembler#3435", full(262144, 32768, 28249, "virtio_blk virtio2"), ["fragmented"]],
  ["lwfinger/rtl8192ee#3", full(9100, 32768, 32768, "rtl8192ee 0000:02:00.0"), ["exhausted"]],
  ["openwrt/mt76#500", full(3776, 32768, 31983, "mt7915e 0000:01:00.0"), ["exhausted"]],
  ["patjak/facetimehd#87", full(1048576, 32768, 7, "facetimehd 0000:02:00.0"), ["too-large"]],
  ["QubesOS/qubes-issues#1038", "xen: Failed to get contiguous memory for DMA from Xen!", ["no-machine-memory"]],
  [
    "AMDESE/AMDSEV#116",
    "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 1073741824 bytes tlb structure",
    ["no-low-memory"],
  ],
];

test.each(cases)("%s", (_name, line, expected) => {
  expect(kinds(line)).toEqual(expected);
});

test("a finding has the line, device, time, and the numbers in words", () => {
  const [f] = explainLine(full(258048, 512, 473, "nvme 0000:00:03.0"));
  expect(f).toMatchObject({
    line: full(258048, 512, 473, "nvme 0000:00:03.0"),
    device: "0000:00:03.0",
    time: 12.33041,
    count: 1,
    trouble: true,
  });
  expect(f!.evidence).toContain("252 KiB = 126 slots were asked for");
  expect(f!.evidence).toContain("473 of 512 slots (1 MiB) were in use (92 %), 39 free");
  expect(f!.do).toContain("swiotlb=1024");
});

test("what the log says of the pool stands beside the line", () => {
  const machine = { ...nothingKnown, poolSlots: 512, poolStart: 0xb000000, poolEnd: 0xb100000 };
  const evidence = (line: string) => writtenDown(explainLine(line, machine))[0]!.evidence;
  expect(evidence("a 0000:00:03.0: swiotlb buffer is full (sz: 4096 bytes)")).toContain("pool of 512 slots (1 MiB)");
  const overflow = "a 0000:00:03.0: swiotlb addr 0x000000000b000000+4096 overflow (mask ffffff, bus limit 0).";
  expect(evidence(overflow)).toContain("the pool lies from 0xb000000 to 0xb100000");
});

test("lines of any bytes give sentences, never an error", () => {
  const random = createRandom(7),
    pieces = [
      ...rows.map(([, line]) => line),
      "DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x7c000000 [fault reason 0x06] x",
      "AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x001a address=0x1000 flags=0x0050]",
      "arm-smmu-v3 9050000.smmuv3: event 0x10 received:",
      "arm-smmu-v3 9050000.smmuv3: \t0x0000000800000010",
    ];
  for (let i = 0; i < 3000; i++) {
    const characters = [...pieces[Math.floor(random() * pieces.length)]!];
    for (let k = 0; k < 4; k++) {
      const at = Math.floor(random() * characters.length),
        what = random();
      if (what < 0.4) characters.splice(at, Math.floor(random() * 10));
      else if (what < 0.8) characters[at] = String.fromCharCode(Math.floor(random() * 256));
      else characters.splice(at, 0, String(Math.floor(random() * 1e15)));
    }
    for (const f of explainLog(characters.join("").split("\n"))) {
      expect(`${f.cause} ${f.evidence} ${f.do}`).not.toMatch(/undefined|NaN|Infinity|\[object/);
    }
  }
});

test("the kernel's checker names the device after its own name", () => {
  expect(explainLine("DMA-API: e1000e 0000:00:04.0: device driver failed to check map error")[0]!.device).toBe(
    "0000:00:04.0",
  );
});

test("advice keeps a forced pool forced, and stops where memory ends", () => {
  const advice = (machine: Partial<MachineContext>, total = 512) =>
    writtenDown(explainLine(full(4096, total, total), { ...nothingKnown, ...machine }))[0]!.do;
  expect(advice({ setting: "512,force" })).toContain("swiotlb=1024,force");
  expect(advice({ setting: "512,force" })).toContain("Without `force`");
  expect(advice({ setting: "512" })).toContain("swiotlb=1024 ");
  expect(advice({ setting: "512" })).not.toContain("force");
  expect(advice({ memoryBytes: 2 ** 27 }, 32768)).toContain("more than half");
  expect(advice({}, 524288)).toContain("few machines can give");
  expect(advice({}, 262144)).toContain("swiotlb=524288");
});

test("lines of one device that the same remedy cures are one finding with a count", () => {
  const log = [
    full(4096, 512, 511),
    full(4096, 512, 512),
    full(65536, 512, 400),
    full(65536, 512, 512),
    full(4096, 512, 512, "igb 0000:00:04.0"),
    full(524288, 512, 100),
  ];
  const findings = writtenDown(explainLog(log));
  expect(findings.map((f) => [f.kind, f.device, f.count])).toEqual([
    ["exhausted", "0000:00:03.0", 4],
    ["exhausted", "0000:00:04.0", 1],
    ["too-large", "0000:00:03.0", 1],
  ]);
  expect(findings[0]!.evidence).toContain("1 of them: The pool has room, but not in one piece (64 KiB");
});

test("what the kernel's rate limit swallowed is said", () => {
  const [f] = explainLog([
    full(4096, 512, 511),
    "[   58.600625] swiotlb_tbl_map_single: 756 callbacks suppressed",
    full(4096, 512, 511),
  ]);
  expect(f!.count).toBe(2);
  expect(f!.evidence).toContain("756 more");
});

/** Minutes apart, slots in use. */
const series = (...used: number[]): string[] =>
  used.map((n, i) => full(3776, 32768, n).replace("12.330410", `${100 + 60 * i}.000000`));

test("slots in use that only grow are a suspected leak", () => {
  const findings = writtenDown(explainLog(series(31415, 31480, 31702, 31983)));
  expect(findings.map((f) => f.kind)).toEqual(["leak-suspected", "exhausted"]);
  expect(findings[0]!.evidence).toContain("31,415 slots in use at 100 s, 31,983 at 280 s");
});

test("slots in use that come and go are not, nor is a burst, nor are few lines", () => {
  const kindsOf = (lines: readonly string[]) => writtenDown(explainLog(lines)).map((f) => f.kind);
  expect(kindsOf(series(31415, 31983, 31000, 31990))).toEqual(["exhausted"]);
  expect(kindsOf(series(31415, 31983, 31990))).toEqual(["exhausted"]);
  expect(kindsOf(series(32768, 32768, 32768, 32768))).toEqual(["exhausted"]);
  const burst = [31415, 31480, 31702, 31983].map((n) => full(3776, 32768, n));
  expect(kindsOf(burst)).toEqual(["exhausted"]);
});

test("a wrong setting on the log's own command line is named beside the failure", () => {
  const findings = writtenDown(explainLog([full(4096, 256, 256)], { ...nothingKnown, setting: "64M", cpus: 2 }));
  expect(findings.map((f) => f.kind)).toEqual(["exhausted", "setting-unit"]);
  expect(explainLog(["hello"], { ...nothingKnown, setting: "64M" })).toEqual([]);
});

test("a log of any size and kind is read in bounded time and memory", () => {
  const hostile = [
    "x".repeat(1e6),
    `${"swiotlb buffer is full (sz: ".repeat(1000)}1 bytes)`,
    `DMAR: [DMA Read] Request device [${":".repeat(4000)}`,
    "AMD-Vi: Event logged [".repeat(500),
    "\u0000\u001b[31m",
    full(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0),
  ];
  expect(() => explainLog(hostile)).not.toThrow();
  function* many(): Generator<string> {
    for (let i = 0; i < 20_000; i++)
      yield full(
        4096,
        512,
        512,
        `nvme 0000:${(i >> 8).toString(16).padStart(2, "0")}:${(i & 31).toString(16).padStart(2, "0")}.0`,
      );
  }
  const findings = explainLog(many());
  expect(findings.length).toBeLessThanOrEqual(500);
  expect(findings.at(-1)!.evidence).toMatch(/further lines/);
});

test("a request that can never fit says nothing of how a full pool lies", () => {
  const found = explainLine(
    "mlx5_core 0000:01:00.0: swiotlb buffer is full (sz: 2097152 bytes), total 524288 (slots), used 515875 (slots)",
  );
  expect(found.map((f) => f.kind)).toEqual(["too-large", "exhausted"]);
  expect(found[1]!.cause).not.toContain("pieces");
  expect(found[1]!.evidence).not.toContain("asked for");
});
