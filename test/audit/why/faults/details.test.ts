/** What a line, or the line beside it, says beyond the fault: numbers of queues, ids of the platform, lines left out or cut off. */
import { describe } from "vitest";
import { checkAll, type FaultCase } from "./fault_case.js";

const queues: readonly FaultCase[] = [
  {
    name: "a wait that the error beside it explains",
    log: [
      "arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x0000b1b7 [hwprod 0x0000b1c0, hwcons 0x0000b1b7]",
      "arm-smmu-v3 arm-smmu-v3.0.auto: unexpected global error reported (0x00000001), this could be serious",
      "arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x0300b1b7): ATC invalidate timeout",
    ].join("\n"),
    findings: [["smmuv3-command", "arm-smmu-v3.0.auto"]],
    says: ["did not answer an invalidation of its TLB", "wait for its commands ended without an answer (CMD_SYNC)"],
    never: ["lines like this one"],
  },
  {
    name: "errors of a queue that need different cures",
    log: [
      "[    1.000000] arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x01000022): Illegal command",
      "[    9.000000] arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x03000031): ATC invalidate timeout",
    ].join("\n"),
    findings: [
      ["smmuv3-command", "arm-smmu-v3.0.auto"],
      ["smmuv3-command", "arm-smmu-v3.0.auto"],
    ],
    says: ["malformed"],
    never: ["lines like this one"],
  },
  {
    name: "a queue whose pointer was reset",
    log: "platform arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x00000146 [hwprod 0x00000150, hwcons 0x00000000]",
    findings: [["smmuv3-command", "arm-smmu-v3.0.auto"]],
    says: ["command 0x146, the unit has read up to 0x0 of 0x150", "as after a reset"],
  },
  {
    name: "a queue that stands",
    log: "arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x00000146 [hwprod 0x00000150, hwcons 0x00000146]",
    findings: [["smmuv3-command", "arm-smmu-v3.0.auto"]],
    says: ["it stands at that very command"],
  },
  {
    name: "two streams' mappings that match one stream",
    log: [
      "(XEN) smmu: /iommu@7fb30000: Unexpected global fault, this could be serious",
      "(XEN) smmu: /iommu@7fb30000: \tGFSR 0x00000004, GFSYNR0 0x00000006, GFSYNR1 0x00000000, GFSYNR2 0x00000000",
    ].join("\n"),
    findings: [["smmuv2-bad-table", "stream 0x0"]],
    says: ["stream match conflict", "Two masters were given the same stream", "share one mapping"],
    never: ["overwritten"],
  },
  {
    name: "events that the rate limit left out, beside an overflow that has none",
    log: [
      "[ 3265.542672] arm-smmu-v3 8806000000.iommu: event 0x10 received:",
      "[ 3265.542673] arm-smmu-v3 8806000000.iommu: \t0x0000090000000010",
      "[ 3265.542674] arm-smmu-v3 8806000000.iommu: \t0x0000020800000000",
      "[ 3265.542675] arm-smmu-v3 8806000000.iommu: \t0x0000007ffd105a00",
      "[ 3265.542676] arm-smmu-v3 8806000000.iommu: \t0x0000000000000000",
      "[ 3265.542677] arm-smmu-v3 8806000000.iommu: EVTQ overflow detected -- events lost",
      "[ 3265.549999] arm_smmu_evtq_thread: 25830 callbacks suppressed",
    ].join("\n"),
    findings: [
      ["smmuv3-unmapped", "stream 0x900"],
      ["smmuv3-lost", "8806000000.iommu"],
    ],
    says: ["25,830 more such lines"],
  },
];

const lines: readonly FaultCase[] = [
  {
    name: "a domain of Xen's",
    log: "(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:01:00.1 d0 addr fffffffdf8000000 flags 0x8 I",
    findings: [["amdvi-interrupt", "0000:01:00.1"]],
    says: ["of domain d0 (dom0)"],
    never: ["domain 0x0"],
  },
  {
    name: "a line that the console cut off",
    log: "[   44.941989] DMAR: [DMA Read] Request device [00:03.0] PASID ffffffff fault addr ffff88W",
    findings: [["dmar-unknown", "00:03.0"]],
    says: ["tried to read from an address that is cut off"],
    never: ["ffff88"],
  },
  {
    name: "graphics under Xen, the lines with the reason left out",
    log: [
      "(XEN) printk: 26235 messages suppressed.",
      "(XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 8e43c000, iommu reg = ffff82c00021d000",
      "(XEN) printk: 26303 messages suppressed.",
      "(XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 8e2c6000, iommu reg = ffff82c00021d000",
    ].join("\n"),
    findings: [["dmar-unknown", "0000:00:02.0"]],
    says: ["left out 52,538 messages", "Intel's graphics", "iommu=no-igfx"],
    never: ["igfx_off"],
  },
  {
    name: "an id of the platform's own",
    log: "DMAR: [INTR-REMAP] Request device [f0:1f.0] fault index 0x0 [fault reason 0x25] Blocked a compatibility format interrupt request",
    findings: [["dmar-interrupt", "f0:1f.0"]],
    says: ["I/O APIC or HPET", "lspci does not list"],
  },
  {
    name: "a device's own id",
    log: "DMAR: [INTR-REMAP] Request device [65:00.0] fault index 0x25 [fault reason 0x22] Present field in the IRTE entry is clear",
    findings: [["dmar-interrupt", "65:00.0"]],
    says: ["65:00.0"],
    never: ["HPET"],
  },
  {
    name: "a table that the kernel rejects, in two lines",
    log: "[    0.000000] Your BIOS is broken; DMAR reported at address 0!\n[    0.018531] dmar: parse DMAR table failure.",
    findings: [["dmar-firmware", null]],
    says: ["a unit at address 0"],
  },
  {
    name: "the second of them alone",
    log: "[    0.018531] dmar: parse DMAR table failure.",
    findings: [["dmar-firmware", null]],
    says: ["could not use firmware's DMAR table"],
  },
];

const pool: readonly FaultCase[] = [
  {
    name: "no pool: x86 makes none with iommu=off, and none without memory above 4 GiB",
    log: "e1000 0000:00:03.0: swiotlb buffer is full (sz: 81 bytes), total 0 (slots), used 0 (slots)",
    findings: [["absent", "0000:00:03.0"]],
    says: ["iommu=off", "saw no need for one at boot", "iommu=soft"],
  },
  {
    name: "coherent memory that was too large to bounce is not cured by smaller segments",
    log: "[  208.491643] udmabuf udmabuf.0: swiotlb buffer is full (sz: 8388608 bytes)\n[  208.491653] swiotlb: coherent allocation failed for device udmabuf.0 size=8388608",
    findings: [["too-large", "udmabuf.0"]],
    says: ["a coherent allocation of 8 MiB", "cma="],
    never: ["max_sectors_kb"],
  },
  {
    name: "a limit of the bus alone: the device's mask is not to blame",
    log: "nvme 0000:01:00.0: overflow 0x000000027b3be000+4096 of DMA mask ffffffffffffffff bus limit ffffffff",
    findings: [["not-bounced", "0000:01:00.0"]],
    says: ["which reaches all of 64 bits", "the device's own mask is wide enough"],
    never: ["0x10000000000000000", "wider DMA mask"],
  },
  {
    name: "a bus that shifts memory away from 32-bit devices",
    log: "cx23885 0000:01:00.0: swiotlb addr 0x000000041ad44000+16384 overflow (mask ffffffff, bus limit 4ffffffff).",
    findings: [["mask", "0000:01:00.0"]],
    says: ["address on the bus", "shifts memory", "dma-ranges"],
    never: ["without memory below 4 GiB"],
  },
  {
    name: "coherent memory that the pool gave and the mask refused",
    log: "[   10.481021] iwlwifi 0000:02:00.0: hwdev DMA mask = 0x0000000fffffffff, dev_addr = 0x0000000064a9b000\n[   10.481022] iwlwifi 0000:02:00.0: swiotlb: coherent allocation failed, size=4096",
    findings: [["coherent-mask", "0000:02:00.0"]],
    says: ["0x64a9b000", "0xfffffffff", "Update the kernel", "same event"],
    never: ["had no room"],
  },
  {
    name: "the same where the pool lies beyond the mask",
    log: "b43 0000:02:00.0: hwdev DMA mask = 0x000000003fffffff, dev_addr = 0x0000000064a9b000",
    findings: [["coherent-mask", "0000:02:00.0"]],
    says: ["the pool lies beyond that mask as well"],
  },
  {
    name: "the words that old kernels print without a space",
    log: "ehci-pci 0000:00:0a.0: DMA-API: device driver maps memory fromstack [addr=ffff88003d0b56bf]",
    findings: [["dma-api-stack", "0000:00:0a.0"]],
    says: ["memory of its stack", "addr ffff88003d0b56bf"],
  },
  {
    name: "what is left of a leak",
    log: "DMA-API: pci 0000:00:01.0: device driver has pending DMA allocations while released from device [count=1]\nOne of leaked entries details: [size=2048 bytes] [mapped with DMA_BIDIRECTIONAL] [mapped as coherent]",
    findings: [["dma-api-leak", "0000:00:01.0"]],
    says: ["count 1", "size 2048 bytes, mapped with DMA_BIDIRECTIONAL, mapped as coherent"],
  },
];

describe("queues", () => checkAll(queues));
describe("lines beside a fault, cut off or left out", () => checkAll(lines));
describe("the pool and the checker", () => checkAll(pool));
