/** What fault lines say, as data: what a recording is joined with. */
import { expect, test } from "vitest";
import { iommuFaultsOf, readKernelLog } from "../../src/read/index.js";

const line = (message: string, time: number | null = null) => ({ message, time });

test("a log keeps its refused accesses with time, device, address and direction", () => {
  const log = readKernelLog(`[    5.100000] DMAR: DRHD: handling fault status reg 2
[    5.200000] DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0xffe00000 [fault reason 0x05] PTE Write access is not set
[    5.300000] nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000e address=0xfffffffdf8001000 flags=0x0050]
[    5.400000] arm-smmu-v3 9050000.smmuv3: event 0x13 received:
[    5.400001] arm-smmu-v3 9050000.smmuv3: \t0x0000010000003813
[    5.400002] arm-smmu-v3 9050000.smmuv3: \t0x0000028280000000
[    5.400003] arm-smmu-v3 9050000.smmuv3: \t0x0000004212345000
[    5.400004] arm-smmu-v3 9050000.smmuv3: \t0x0000000000000000
[    5.500000] arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000, fsynr=0x540013, cbfrsynra=0x19c3, cb=10
[    5.600000] virtio_iommu virtio0: page fault from EP 32 at 0x103231000 []
[    5.700000] usb 1-1: new high-speed USB device number 2 using xhci_hcd`);
  expect(log.faults.map((f) => [f.unit, f.time, f.device, f.stream, f.address, f.write])).toEqual([
    ["vtd", 5_200_000, "03:00.0", null, 0xffe00000n, true],
    ["amdvi", 5_300_000, "0000:01:00.0", null, 0xfffffffdf8001000n, false],
    ["smmuv3", 5_400_000, null, 0x100, 0x4212345000n, true],
    ["smmuv2", 5_500_000, null, 0x19c3, 0xfd7ff000n, true],
    ["virtio-iommu", 5_600_000, null, 32, 0x103231000n, null],
  ]);
});

test("a fault of two lines has the time of the first; commands and status are no accesses", () => {
  const faults = iommuFaultsOf([
    line("DMAR:[DMA Read] Request device [00:1f.2] fault addr 3000 ", 7),
    line("DMAR:[fault reason 02] Present bit in context entry is clear", 9),
    line("DMAR: DRHD: handling fault status reg 40", 10),
    line("AMD-Vi: Completion-Wait loop timed out", 11),
    line("AMD-Vi: Event logged [", 12),
    line("IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0xff6101b0 flags=0x0000]", 13),
  ]);
  expect(faults).toMatchObject([
    { unit: "vtd", time: 7, device: "00:1f.2", code: 2, address: 0x3000n, write: false, pasid: null },
    // RW is undefined where no page is present.
    { unit: "amdvi", time: 12, device: "05:00.0", flags: 0, address: 0xff6101b0n, write: null },
  ]);
});

test("PASIDs: none is ffffffff, NO_PASID, or no word", () => {
  const pasid = (text: string) => iommuFaultsOf([line(text)])[0]!.pasid;
  expect(
    pasid("DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr 9c000000 [fault reason 06] x"),
  ).toBeNull();
  expect(
    pasid("DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x9c000000 [fault reason 0x06] x"),
  ).toBeNull();
  expect(pasid("DMAR: [DMA Read] Request device [00:02.0] fault addr 9c000000 [fault reason 06] x")).toBeNull();
  expect(pasid("DMAR: [DMA Read] Request device [00:02.0] PASID 3f fault addr 9c000000 [fault reason 113] x")).toBe(
    0x3f,
  );
  expect(pasid("DMAR: [DMA Write PASID 0x1a] Request device [6a:01.0] fault addr 0x1000 [fault reason 0x71] x")).toBe(
    0x1a,
  );
});

test("any text is read: nothing throws, and one fault is held at most", () => {
  const words = [
    "DMAR: ",
    "[DMA Read] Request device [",
    "00:02.0]",
    " fault addr ",
    "fff",
    "AMD-Vi: Event logged [",
    "event 0x",
    " received:",
    "0x0000000000000010",
    "DTE[0]: ",
    "QI HEAD: ",
    "arm-smmu-v3 x: ",
    "(XEN) ",
    "]",
    "flags=0x",
  ];
  let seed = 7;
  const draw = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  const lines = Array.from({ length: 20_000 }, () =>
    line(Array.from({ length: draw(7) }, () => words[draw(words.length)]).join("")),
  );
  expect(() => iommuFaultsOf(lines)).not.toThrow();
});
