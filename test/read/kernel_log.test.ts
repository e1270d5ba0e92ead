import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { readKernelLog } from "../../src/read/kernel_log/read_kernel_log.js";
import { fixture, fixtureText } from "./fixture.js";

const real = (name: string) => readKernelLog(memorySource(name, fixture(`${name}/dmesg.txt.gz`)));
const facts = (name: string) => JSON.parse(fixtureText(`${name}/facts.json`));

describe("real logs", () => {
  test.each(["swiotlb-force", "swiotlb-full", "swiotlb-32bit", "vtd-scalable"])("%s: what its facts say", (name) => {
    const log = real(name);
    const said = facts(name);
    expect(log).toMatchObject({ kernel: said.kernel, architecture: "x86_64", cpus: 2, cpusOnline: 2, xen: false });
    expect(log.commandLine).toContain(said.append);
    expect(log.swiotlb).toBe(/swiotlb=(\S+)/.exec(said.append)?.[1] ?? "");
    const full = log.findings.filter((f) => f.kind === "pool-full");
    expect(full).toHaveLength(said.buffer_is_full_lines_in_dmesg);
    expect(log.linesTotal).toBe(fixtureText(`${name}/dmesg.txt.gz`).trimEnd().split("\n").length);
    expect(log.linesMarked).toBe(log.linesTotal);
  });

  test("swiotlb-full: each refusal, with its line as it stands", () => {
    const text = fixtureText("swiotlb-full/dmesg.txt.gz").split("\n");
    const log = real("swiotlb-full");
    const full = log.findings.filter((f) => f.kind === "pool-full");
    expect(full[0]).toEqual({
      ...{
        kind: "pool-full",
        size: 69632,
        total: 512,
        used: 473,
        time: 12330410,
        driver: "nvme",
        device: "0000:00:03.0",
      },
      ...{
        line: text.findIndex((l) => l.includes("is full")) + 1,
        raw: text.find((l) => l.includes("is full"))!.trimEnd(),
      },
    });
    for (const f of log.findings) expect(text[f.line - 1]!.trimEnd()).toBe(f.raw);
    expect(Object.fromEntries(log.drivers)).toMatchObject({
      ...{ "0000:00:03.0": "nvme", "0000:00:04.0": "e1000e", "0000:00:1f.2": "ahci" },
    });
    expect(log).toMatchObject({ areas: 2, pool: null, memoryBytes: 204244 * 1024 });
  });

  test("swiotlb-32bit: the pool's bounds are the ones that the recording shows", () => {
    const { pool, areas } = real("swiotlb-32bit");
    expect(pool).toEqual({
      from: Number(facts("swiotlb-32bit").pool_base),
      to: Number(facts("swiotlb-32bit").pool_base) + (64 << 20),
    });
    expect(areas).toBe(2);
  });

  test("vtd-scalable: which IOMMU, and how it is used", () => {
    expect(real("vtd-scalable")).toMatchObject({ iommus: ["vtd"], iommuDefault: "Translated", iommuPolicy: "lazy" });
  });
});

const full = "swiotlb buffer is full (sz: 4000 bytes), total 32768 (slots), used 31983 (slots)";
const named = `rtl8192ee 0000:05:00.0: ${full}`;

describe("forms of a line", () => {
  test.each<[string, string, number | null]>([
    ["dmesg", `[   12.330410] ${named}`, 12330410],
    ["dmesg -r", `<4>[   12.330410] ${named}`, 12330410],
    ["dmesg -x", `kern  :warn  : [   12.330410] ${named}`, 12330410],
    ["with the caller", `[   12.330410][  T123] ${named}`, 12330410],
    ["dmesg -T", `[Fri Nov 20 10:00:00 2026] ${named}`, null],
    ["dmesg --time-format iso", `2026-11-20T10:00:00,123456+00:00 ${named}`, null],
    ["the journal", `Nov 20 10:00:00 host kernel: ${named}`, null],
    ["the journal, iso", `2026-11-20T10:00:00+0000 host kernel: ${named}`, null],
    ["the journal, monotonic", `[   12.330410] host kernel: ${named}`, 12330410],
    ["the journal, monotonic, no host", `[   12.330410] kernel: ${named}`, 12330410],
    ["syslog with the kernel's clock", `Nov  2 10:00:00 my-host.example kernel: [   12.330410] ${named}`, 12330410],
    ["a console without clocks", named, null],
    ["quoted in a mail", `> > [   12.330410] ${named}`, 12330410],
    ["in colour", `\u001b[32m[   12.330410] \u001b[0m\u001b[33mrtl8192ee 0000:05:00.0\u001b[0m: ${full}`, 12330410],
    ["with a carriage return", `[   12.330410] ${named}\r`, 12330410],
    ["cut at its clock's decimals", `[   12.33] ${named}`, 12330000],
  ])("%s", (_, line, time) => {
    expect(readKernelLog(line).findings).toEqual([
      {
        ...{ kind: "pool-full", size: 4000, total: 32768, used: 31983, line: 1, time },
        ...{ driver: "rtl8192ee", device: "0000:05:00.0", raw: line.trimEnd() },
      },
    ]);
  });

  test("what others write in the same journal is not the kernel's", () => {
    const log = readKernelLog(
      `Nov 20 10:00:00 host myd[42]: saw "${full}" in the log\nNov 20 10:00:00 host kernel: ${named}\n`,
    );
    expect(log.findings.map((f) => f.line)).toEqual([2]);
  });
});

describe("messages", () => {
  test.each<[string, object]>([
    ["swiotlb buffer is full (sz: 16384 bytes)", { kind: "pool-full", size: 16384, total: null, used: null }],
    ["swiotlb buffer is full", { kind: "pool-full", size: null }],
    ["DMA: Out of SW-IOMMU space for 16384 bytes", { kind: "out-of-space", size: 16384 }],
    [
      "Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
      { kind: "no-pool" },
    ],
    [
      "swiotlb addr 0x00000000bef20000+4096 overflow (mask ffffff, bus limit 0).",
      { kind: "overflow", bounced: true, address: 0xbef20000, size: 4096 },
    ],
    [
      "DMA addr 0x0000000103a8b000+4096 overflow (mask ffffffff, bus limit 0).",
      { kind: "overflow", bounced: false, address: 0x103a8b000, size: 4096 },
    ],
    [
      "Buffer overflow detected. Allocation size: 2048. Mapping size: 4096.",
      { kind: "copy-overflow", allocated: 2048, mapped: 4096 },
    ],
    ["DMA bounce buffers are inactive, unable to map unaligned transaction.", { kind: "bounce-inactive" }],
    [
      "swiotlb_tbl_map_single: 756 callbacks suppressed",
      { kind: "suppressed", of: "swiotlb_tbl_map_single", count: 756 },
    ],
    ["dmar_fault: 893 callbacks suppressed", { kind: "suppressed", of: "dmar_fault", count: 893 }],
    ["software IO TLB: area num 64.", { kind: "pool-areas", areas: 64 }],
    [
      "software IO TLB: mapped [mem 0x000000007ba12000-0x000000007fa12000] (64MB)",
      { kind: "pool", from: 0x7ba12000, to: 0x7fa12000 },
    ],
    [
      "software IO TLB [mem 0x7ba12000-0x7fa11fff] (64MB) mapped at [ffff88007ba12000-ffff88007fa11fff]",
      { kind: "pool", from: 0x7ba12000, to: 0x7fa12000 },
    ],
    ["software IO TLB: SWIOTLB bounce buffer size adjusted to 0MB", { kind: "pool-note" }],
    ["software IO TLB: SWIOTLB bounce buffer size roundup to 128MB", { kind: "pool-note" }],
    ["software IO TLB: No low mem", { kind: "pool-note" }],
    ["PCI-DMA: Using software bounce buffering for IO (SWIOTLB)", { kind: "pool-note" }],
    ["DMA-API: nvme 0000:00:03.0: device driver tries to free DMA memory it has not allocated", { kind: "dma-debug" }],
    [
      "DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x7cd80000 [fault reason 0x01] Present bit in root entry is clear",
      { kind: "iommu-fault", unit: "vtd" },
    ],
    ["DMAR: DRHD: handling fault status reg 3", { kind: "iommu-fault", unit: "vtd" }],
    [
      "ath10k_pci 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000d address=0xcfd51ad0 flags=0x0070]",
      { kind: "iommu-fault", unit: "amdvi", driver: "ath10k_pci", device: "0000:01:00.0" },
    ],
    ["AMD-Vi: Event logged [", { kind: "iommu-fault", unit: "amdvi" }],
    [
      "IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0x00000000ff6101b0 flags=0x0070]",
      { kind: "iommu-fault", unit: "amdvi" },
    ],
    [
      "arm-smmu-v3 9050000.smmuv3: event 0x10 received:",
      { kind: "iommu-fault", unit: "smmuv3", device: "9050000.smmuv3" },
    ],
    ["arm-smmu-v3 9050000.smmuv3: \t0x0000020000000010", { kind: "iommu-fault", unit: "smmuv3" }],
    ["arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0x1000", { kind: "iommu-fault", unit: "smmu" }],
  ])("%s", (message, expected) => {
    expect(readKernelLog(`[    1.000000] ${message}\n`).findings).toMatchObject([expected]);
  });

  test.each([
    "nvme nvme0: 2/0/0 default/read/poll queues",
    "DMAR: Host address width 48",
    "DMA: preallocated 128 KiB GFP_KERNEL pool for atomic allocations",
    "AMD-Vi: Interrupt remapping enabled",
    "arm-smmu-v3 9050000.smmuv3: allocated 65536 entries for cmdq",
    "cfg80211: 12 callbacks suppressed",
  ])("nothing: %s", (message) => {
    expect(readKernelLog(`[    1.000000] ${message}\n`).findings).toEqual([]);
  });
});

describe("the machine", () => {
  const log = (...lines: string[]) => readKernelLog(lines.map((l) => `[    0.000000] ${l}\n`).join(""));

  test("possible CPUs: the count that the kernel goes by, whatever line comes first", () => {
    expect(log("smp: Brought up 1 node, 4 CPUs").cpus).toBe(4);
    expect(
      log("CPU topo: Allowing 4 present CPUs plus 60 hotplug CPUs", "smp: Brought up 1 node, 4 CPUs"),
    ).toMatchObject({
      ...{ cpus: 64, cpusOnline: 4 },
    });
    expect(log("smpboot: Allowing 8 CPUs, 4 hotplug CPUs").cpus).toBe(8);
    const ids = "setup_percpu: NR_CPUS:8192 nr_cpumask_bits:16 nr_cpu_ids:16 nr_node_ids:1";
    expect(log("smpboot: Allowing 8 CPUs, 4 hotplug CPUs", ids).cpus).toBe(16);
    expect(log(ids, "smpboot: Allowing 8 CPUs, 4 hotplug CPUs").cpus).toBe(16);
    expect(log("usb 1-1: new device").cpus).toBe(null);
  });

  test("the last swiotlb= counts; none is not the same as unknown", () => {
    expect(log("Command line: swiotlb=1024 quiet swiotlb=65536,force").swiotlb).toBe("65536,force");
    expect(log("Kernel command line: quiet").swiotlb).toBe("");
    expect(log("usb 1-1: new device").swiotlb).toBe(null);
  });

  test("Xen in its modes", () => {
    expect(log("Hypervisor detected: Xen PV")).toMatchObject({ xen: true, xenMode: "PV", hypervisor: "Xen PV" });
    expect(log("Booting paravirtualized kernel on Xen PVH")).toMatchObject({ xen: true, xenMode: "PVH" });
    expect(log("Hypervisor detected: KVM")).toMatchObject({ xen: false, xenMode: null, hypervisor: "KVM" });
    expect(log("Xen 4.20 support found")).toMatchObject({ xen: true, xenMode: "Arm" });
    expect(log("Xen 4.4 support found, events_irq=31 gnttab_frame=0x00000000b0000000").xenMode).toBe("Arm");
  });

  test("the size of a page, by tables that are told in bytes and in pages", () => {
    expect(log("Dentry cache hash table entries: 131072 (order: 8, 1048576 bytes, linear)").pageBytes).toBe(4096);
    expect(log("Dentry cache hash table entries: 131072 (order: 6, 1048576 bytes, linear)").pageBytes).toBe(16384);
    expect(log("Mountpoint-cache hash table entries: 1024 (order: -1, 8192 bytes, linear)").pageBytes).toBe(16384);
    expect(log("futex hash table entries: 512 (32768 bytes on 1 NUMA nodes, total 32 KiB, linear).").pageBytes).toBe(
      null,
    );
  });

  test("drivers: a bus in a driver's place is none, and the last driver counts", () => {
    const { drivers } = log(
      "pci 0000:00:03.0: BAR 0",
      "vfio-pci 0000:00:03.0: enabling",
      "nvme 0000:00:03.0: enabling",
      "pci 0000:00:04.0: x",
    );
    expect([...drivers]).toEqual([["0000:00:03.0", "nvme"]]);
  });
});

describe("bad input", () => {
  test.each([
    ["an empty file", new Uint8Array(0), /^log: expected a kernel log, found an empty file$/],
    [
      "bytes that are no text",
      Uint8Array.from({ length: 5000 }, (_, i) => i),
      /^log: line \d+: expected a kernel log, found bytes that are no text$/,
    ],
  ])("%s: one clear line", (_, bytes, message) => {
    expect(() => readKernelLog(memorySource("log", bytes))).toThrow(message);
  });

  test("a flood of lines keeps the first ones and counts all", () => {
    const log = readKernelLog(`[    1.000000] ${named}\n`.repeat(12_000));
    expect(log.findings).toHaveLength(10_000);
    expect(log.findingsTotal).toBe(12_000);
    expect(log.warnings).toEqual([{ where: "", what: "12000 lines concern DMA: the first 10000 kept" }]);
  });

  test("a line of megabytes costs no more than its beginning", () => {
    const log = readKernelLog(`${"swiotlb DMA ".repeat(80_000)}\n${named}\n${"[".repeat(3 << 20)}\n${named}\n`);
    expect(log.findings.map((f) => f.kind)).toEqual(["pool-full", "pool-full"]);
    expect(log.warnings[0]!.what).toMatch(/bytes left out/);
  });
});
