/** Excerpts of real bug reports and lines in the same forms: device, numbers and cause, and nothing false. */
import { describe, expect, test } from "vitest";
import { explainLog, explainSource } from "../../../src/audit/index.js";
import { memorySource } from "../../../src/read/index.js";
import { writtenDown } from "./written_down.js";

interface Case {
  readonly name: string;
  readonly log: string;
  /** Kind, device and count of each finding, in order. */
  readonly findings: readonly (readonly [kind: string, device: string | null, count: number])[];
  /** What the whole answer holds, and what it must not. */
  readonly says?: readonly string[];
  readonly never?: readonly string[];
}

const full: readonly Case[] = [
  {
    name: "two lines are one event; the setting is the log's own",
    log: `[    0.000000] Kernel command line: console=tty0 root=PARTUUID= rootfstype=ext4 iommu=soft swiotlb=65536
[  437.548691] dwc3 38200000.dwc3: swiotlb buffer is full (sz: 16384 bytes)
[  437.555402] dwc3 38200000.dwc3: DMA: Out of SW-IOMMU space for 16384 bytes
[  437.562892] usb 2-1.2: usbfs: usb_submit_urb returned -11`,
    findings: [["unknown-occupancy", "38200000.dwc3", 1]],
    says: ["16 KiB = 8 slots", "swiotlb=65536", "128 MiB"],
    never: ["debugfs", "/sys/kernel"],
  },
  {
    name: "too large, and nearly full besides; the pool is above 4 GiB",
    log: `software IO TLB: mapped [mem 0x0000001fb9c00000-0x0000001ff9c00000] (1024MB)
software IO TLB: Memory encryption is active and system is using DMA bounce buffers
swiotlb buffer is full (sz: 2097152 bytes), total 524288 (slots), used 515875 (slots)`,
    findings: [
      ["encrypted-memory", null, 1],
      ["too-large", null, 1],
      ["exhausted", null, 1],
    ],
    says: ["1,024 slots in one piece", "98 %"],
    never: ["4 GiB"],
  },
  {
    name: "too large; the bus limit is what is exceeded",
    log: `[   17.606731] v3d fec00000.v3d: swiotlb buffer is full (sz: 536576 bytes), total 32768 (slots), used 3487 (slots)
[   17.606812] v3d fec00000.v3d: overflow 0x0000000040898000+536576 of DMA mask 7ffffffff bus mask 3fffffff
[   17.606867] ------------[ cut here ]------------`,
    findings: [["too-large", "fec00000.v3d", 1]],
    says: ["262 slots", "beyond the bus limit 0x3fffffff (1 GiB)", "not of the device"],
    never: ["no pool"],
  },
  {
    name: "a failed bounce that is too large, on its own",
    log: "[   97.290264] vc4-drm gpu: overflow 0x00000001a7296000+708608 of DMA mask ffffffff bus limit ffffffff",
    findings: [["too-large", "gpu", 1]],
    says: ["346 slots", "0x1a7296000", "whether there was a pool"],
    never: ["there is no pool"],
  },
  {
    name: "a failed bounce that would fit: three causes",
    log: "[    7.1] ahci 0000:00:1f.2: overflow 0x000000023f000000+4096 of DMA mask ffffffff bus mask 0",
    findings: [["not-bounced", "0000:00:1f.2", 1]],
    says: ["there is no pool, it was full, or", "beyond the device's DMA mask 0xffffffff (4 GiB)"],
  },
  {
    name: "wrapped by mail: nearly full",
    log: `virtio-pci 0000:00:02.0: swiotlb buffer is full (sz: 262144 bytes),
total 524288 (slots), used 523564 (slots)`,
    findings: [["exhausted", "0000:00:02.0", 1]],
    says: ["523,564 of 524,288", "99.9 %"],
    never: ["does not say", "not reached"],
  },
  {
    name: "sixteen slots cannot block four anywhere; the second line is the same event",
    log: `> [ 1148.744205] swiotlb_tbl_map_single: 6 callbacks suppressed
> [ 1148.744210] xhci_hcd 0000:0a:00.0: swiotlb buffer is full (sz: 8192 bytes), total 32768 (slots), used 16 (slots)
> [ 1148.744218] xhci_hcd 0000:0a:00.0: DMAR: Device bounce map: 16ea@1411c0000 dir 1 --- failed
> [ 1148.744226] r8152 4-2.1.2:1.0 ens1u2u1u2: failed tx_urb -11
> [ 1148.744368] xhci_hcd 0000:0a:00.0: swiotlb buffer is full (sz: 8192 bytes), total 32768 (slots), used 16 (slots)
> [ 1148.744375] xhci_hcd 0000:0a:00.0: DMAR: Device bounce map: 16ea@10aabc000 dir 1 --- failed`,
    findings: [["constraint", "0000:0a:00.0", 2]],
    says: ["8,192 on", "5,866 bytes", "to the device", "untrusted", "A larger pool is no cure", "6 more"],
    never: ["swiotlb=", "scattered"],
  },
  {
    name: "one slot fits into any free one",
    log: "[    5.0] e1000e 0000:00:19.0: swiotlb buffer is full (sz: 2048 bytes), total 32768 (slots), used 16383 (slots)",
    findings: [["constraint", "0000:00:19.0", 1]],
    says: ["from 32,768 on"],
    never: ["swiotlb="],
  },
  {
    name: "at the bound of fragmentation",
    log: "[    5.0] xhci_hcd 0000:0a:00.0: swiotlb buffer is full (sz: 8192 bytes), total 32768 (slots), used 8192 (slots)",
    findings: [["fragmented", "0000:0a:00.0", 1]],
  },
  {
    name: "nothing in use: the counter is real",
    log: "[    5.0] sdhci 0000:01:00.0: swiotlb buffer is full (sz: 4096 bytes), total 32768 (slots), used 0 (slots)",
    findings: [["nothing-used", "0000:01:00.0", 1]],
    says: ["mask", "alignment", "boundary"],
    never: ["only with debugfs", "treat the pool as full", "swiotlb="],
  },
  {
    name: "coherent memory, a graphics driver's huge page",
    log: `[ 2229.274826] swiotlb: coherent allocation failed for device 0000:07:00.0 size=2097152
[ 2234.832320] amdgpu 0000:07:00.0: swiotlb buffer is full (sz: 2097152 bytes)
[ 2234.832325] swiotlb: coherent allocation failed for device 0000:07:00.0 size=2097152`,
    findings: [["coherent-too-large", "0000:07:00.0", 2]],
    says: ["coherent mask", "256 KiB", "1,024 slots"],
  },
  {
    name: "coherent memory, as 4.16 to 4.19 say it, of a size that fits",
    log: "[   10.0] radeon 0000:01:00.0: swiotlb: coherent allocation failed, size=65536",
    findings: [["coherent", "0000:01:00.0", 1]],
    says: ["32 slots"],
  },
  {
    name: "no pool: three causes",
    log: "swiotlb buffer is full (sz: 4096 bytes), total 0 (slots), used 0 (slots)",
    findings: [["absent", null, 1]],
    says: ["noforce", "no memory for it", "tearing down default memory pool", "untrusted"],
  },
  {
    name: "no pool: the log tells which",
    log: `[    0.4] software IO TLB: mapped [mem 0x00000000b7d00000-0x00000000bbd00000] (64MB)
[    1.0] software IO TLB: tearing down default memory pool
[  300.0] thunderbolt 0000:05:00.0: swiotlb buffer is full (sz: 4096 bytes), total 0 (slots), used 0 (slots)`,
    findings: [["absent", "0000:05:00.0", 1]],
    says: ["gave it back at boot", "tearing down"],
    never: ["noforce"],
  },
];

const noPool: readonly Case[] = [
  {
    name: "an untrusted device, as 5.16 and later say it",
    log: "[    1.1] nvme 0000:02:00.0: DMA bounce buffers are inactive, unable to map unaligned transaction.",
    findings: [["absent", "0000:02:00.0", 1]],
    says: ["untrusted", "switched off", "tearing down"],
  },
  {
    name: "the same where the log tells why",
    log: `[    0.9] software IO TLB: tearing down default memory pool
[   50.1] nvme 0000:02:00.0: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer`,
    findings: [["absent", "0000:02:00.0", 1]],
    says: ["gave it back at boot"],
    never: ["noforce"],
  },
];

const reach: readonly Case[] = [
  {
    name: "a pool above ten GiB, on a machine without low memory",
    log: "[    1.134595] xenon-sdhci 805c0000.sdhci: swiotlb addr 0x00000002f7000000+512 overflow (mask 27fffffff, bus limit 0).",
    findings: [["mask", "805c0000.sdhci", 1]],
    says: ["0x27fffffff (10 GiB)", "without memory below 4 GiB", "dma-ranges"],
    never: ["less than 32"],
  },
  {
    name: "a pool beyond 32 bits, in a mail as quoted-printable text",
    log: `> [    0.000000]   DMA32    empty
> [    0.000000] software IO TLB: area num 8.
> [    0.000000] software IO TLB: mapped [mem 0x000000083be38000-0x000000083f=
> e38000] (64MB)
>
> ------------[ cut here ]------------
> dwmmc_rockchip fe2b0000.mmc: swiotlb addr 0x00000001faf00000+4096=20
> overflow (mask ffffffff, bus limit 0).
> WARNING: CPU: 3 PID: 1 at kernel/dma/swiotlb.c:1594 swiotlb_map+0x2f0/0x3=
> 08`,
    findings: [["mask", "fe2b0000.mmc", 1]],
    says: ["0x83be38000 to 0x83fe38000", "0xffffffff (4 GiB)"],
  },
  {
    name: "no pool in the kernel, and a disk's name in front",
    log: `sda:<3>nommu_map_sg: overflow 11b8a9000+4096 of device mask ffffffff
nommu_map_sg: overflow 11b8a9000+4096 of device mask ffffffff`,
    findings: [["absent", null, 2]],
    says: ["0x11b8a9000", "without a pool", "iommu=soft"],
  },
  {
    name: "the same, before kernels named the mask",
    log: "[   32.102006] nommu_map_single: overflow 1af757720+8",
    findings: [["absent", null, 1]],
    says: ["0x1af757720"],
  },
  {
    name: "the direct mapping of 4.17 to 4.20",
    log: `[   41.591308] e1000 0000:00:03.0: dma_direct_map_page: overflow 0x000000011fd470da+54 of device mask ffffffff
[   41.592431] e1000 0000:00:03.0: TX DMA map failed`,
    findings: [["absent", "0000:00:03.0", 1]],
    says: ["0x11fd470da", "54 bytes", "no pool in its path"],
  },
  {
    name: "the same of 4.20, behind a bus with a limit",
    log: "usb 1-1: dma_direct_map_sg: overflow 0x0000000080001000+512 of device mask ffffffff bus mask 3fffffff",
    findings: [["absent", "1-1", 1]],
    says: ["bus limit 0x3fffffff (1 GiB)"],
  },
];

const checker: readonly Case[] = [
  {
    name: "freed and never mapped, wrapped",
    log: `WARNING:
net eth0: DMA-API: device driver tries to free DMA memory it
 has not allocated [device address=0x00000000443d7040] [size=2048`,
    findings: [["dma-api-double-unmap", "eth0", 1]],
    says: ["0x00000000443d7040", "size 2048"],
  },
  {
    name: "the CPU writes what a device owns",
    log: "[  235.091674] mlx4_core 0000:00:07.0: DMA-API: cpu touching an active dma mapped cacheline     [cln=0x000000001f405880]",
    findings: [["dma-api-cpu-touch", "0000:00:07.0", 1]],
    says: ["0x000000001f405880", "CPU"],
  },
  {
    name: "more than seven mappings",
    log: "\tDMA-API: exceeded 7 overlapping mappings of cacheline 0x0000000006d6e400",
    findings: [["dma-api-many-mappings", null, 1]],
    says: ["leak", "RDMA", "more than 7 mappings of cacheline 0x0000000006d6e400"],
    never: ["share a cache line"],
  },
  {
    name: "the same of older kernels",
    log: "[  12.1] DMA-API: exceeded 7 overlapping mappings of pfn 55f6b",
    findings: [["dma-api-many-mappings", null, 1]],
    says: ["pfn 55f6b"],
  },
  {
    name: "a segment too long, dated without a host",
    log: "2024-05-04T12:00:00,123456+02:00 mmci-pl18x 58005000.sdmmc: DMA-API: mapping sg segment longer than device claims to support [len=126976] [max=65536]",
    findings: [["dma-api-segment", "58005000.sdmmc", 1]],
    says: ["len 126976", "max 65536"],
  },
  {
    name: "the older order of device and mark",
    log: "[  9.9] DMA-API: e1000e 0000:00:04.0: device driver frees DMA memory with different size [device address=0x00000000ffff6000] [map size=4096 bytes] [unmap size=2048 bytes]",
    findings: [["dma-api-unmap-size", "0000:00:04.0", 1]],
    says: ["map size 4096 bytes", "unmap size 2048 bytes"],
  },
  {
    name: "a segment across a boundary",
    log: "[    3.4] ahci 0000:00:1f.2: DMA-API: mapping sg segment across boundary [start=0x00000000fffff000] [end=0x0000000100001fff] [boundary=0x00000000ffffffff]",
    findings: [["dma-api-segment", "0000:00:1f.2", 1]],
    says: ["start 0x00000000fffff000", "boundary 0x00000000ffffffff", "dma_set_seg_boundary"],
    never: ["longer"],
  },
  {
    name: "the checker gave up",
    log: "[    8.0] DMA-API: debugging out of memory - disabling",
    findings: [["dma-api-debug-limit", null, 1]],
    says: ["dma_debug_entries"],
    never: ["bug of the driver"],
  },
  {
    name: "the checker of itself",
    log: "DMA-API: preallocated 65536 debug entries\nDMA-API: debugging enabled by kernel config",
    findings: [],
  },
];

const others: readonly Case[] = [
  {
    name: "a line that no rule knows is never passed over",
    log: "[    3.1] rockchip-iommu ff914000.iommu: Error during raw reset. MMU_DTE_ADDR is not functioning\n[    3.2] rockchip-iommu ff914000.iommu: Enable stall request timed out, status: 0x00004b",
    findings: [
      ["unexplained", "ff914000.iommu", 1],
      ["unexplained", "ff914000.iommu", 1],
    ],
  },
  {
    name: "lines that differ in numbers only are one",
    log: "[    3.1] software IO TLB: frobnication failed at slot 12\n[    3.2] software IO TLB: frobnication failed at slot 77",
    findings: [["unexplained", null, 2]],
  },
  {
    name: "an IOMMU of old AMD machines",
    log: "[   10.0] sata_nv 0000:00:07.0: PCI-DMA: Out of IOMMU space for 65536 bytes",
    findings: [["gart-full", "0000:00:07.0", 1]],
    says: ["64 KiB", "memaper"],
  },
  {
    name: "only the count of what was left out",
    log: "[   58.600625] swiotlb_tbl_map_single: 756 callbacks suppressed\n[   58.7] cfg80211: 12 callbacks suppressed",
    findings: [["suppressed", null, 1]],
    says: ["756"],
  },
  {
    name: "a healthy boot",
    log: `[    0.000000] Command line: root=/dev/sda1 iommu=pt swiotlb=noforce errors=remount-ro
[    0.000000] Unknown kernel command line parameters "amd_iommu=on", will be passed to user space.
[    0.010000] DMAR: Host address width 39
[    0.010000] DMAR: No RMRR found
[    0.010000] DMAR-IR: Enabled IRQ remapping in x2apic mode
[    0.010000] AMD-Vi: Interrupt remapping enabled
[    0.010000] AMD-Vi: Unable to read/write to IOMMU perf counter.
[    0.010000] AMD-Vi: AMD IOMMUv2 functionality not available on this system - This is not a bug.
[    0.010000] DMAR: [Firmware Warn]: RMRR entry for device 00:14.0 is broken - applying workaround
[    0.010000] iommu: Default domain type: Translated
[    0.010000] iommu: DMA domain TLB invalidation policy: lazy mode
[    0.010000] arm-smmu-v3 arm-smmu-v3.0.auto: allocated 65536 entries for cmdq
[    0.010000] arm-smmu-v3 arm-smmu-v3.0.auto: no priq irq - PRI will be broken
[    0.010000] software IO TLB: mapped [mem 0x00000000b7d00000-0x00000000bbd00000] (64MB)
[    0.010000] perf/amd_iommu: Detected AMD IOMMU #0 (2 banks, 4 counters/bank).
[    0.010000] systemd[1]: Failed to start something with a fault.`,
    findings: [],
  },
];

const answer = (c: Case) => {
  const findings = writtenDown(explainLog(c.log.split("\n")));
  return { findings, text: findings.map((f) => `${f.cause} ${f.evidence} ${f.do}`).join("\n") };
};

describe.each([
  ["a full pool", full],
  ["no pool", noPool],
  ["out of reach", reach],
  ["the kernel's checker", checker],
  ["what no rule knows", others],
])("%s", (_what, cases) => {
  test.each(cases.map((c) => [c.name, c] as const))("%s", (_name, c) => {
    const { findings, text } = answer(c);
    expect(findings.map((f) => [f.kind, f.device, f.count])).toEqual(c.findings);
    for (const part of c.says ?? []) expect(text).toContain(part);
    for (const part of c.never ?? []) expect(text).not.toContain(part);
    expect(text).not.toMatch(/undefined|NaN|\[object/);
    // Bytes are read by another way than lines.
    expect(explainSource(memorySource("log", new TextEncoder().encode(c.log)))).toEqual(findings);
  });
});

test("what one boot says of its machine does not count for the next", () => {
  const boot = (setting: string, time: string) => [
    "[    0.000000] Linux version 6.8.0 (x@y) (gcc 13) #1 SMP",
    `[    0.000000] Command line: root=/dev/sda1${setting}`,
    `[   ${time}] mpt3sas 0000:01:00.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 512 (slots)`,
  ];
  const findings = explainLog([
    ...boot(" swiotlb=512,force", "10.0"),
    ...boot("", "20.0"),
    ...boot(" swiotlb=64M", "9.0"),
  ]);
  expect(findings.map((f) => [f.kind, f.count])).toEqual([
    ["exhausted", 3],
    ["setting-unit", 1],
  ]);
});

describe("what the log says of the machine counts wherever it stands", () => {
  const boot = [
    "[    0.000000] Command line: root=/dev/sda1 swiotlb=64M",
    "[    0.000000] software IO TLB: area num 64.",
  ];
  const line =
    "[   10.000000] mpt3sas 0000:01:00.0: swiotlb buffer is full (sz: 131072 bytes), total 1024 (slots), used 600 (slots)";

  test.each([
    ["before", [...boot, line]],
    ["behind", [line, ...boot]],
    ["around", [boot[0]!, line, boot[1]!]],
  ])("%s", (_where, lines) => {
    expect(writtenDown(explainLog(lines)).map((f) => f.kind)).toEqual(["area-too-small", "setting-unit"]);
  });
});
