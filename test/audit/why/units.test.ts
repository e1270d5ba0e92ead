/** Messages of IOMMUs that are no faults, those that firmware makes harmless, and boots that are healthy. */
import { expect, test } from "vitest";
import { explainLog } from "../../../src/audit/index.js";
import { writtenDown } from "./written_down.js";

const why = (text: string) => writtenDown(explainLog(text.split("\n")));

const told: readonly (readonly [line: string, kind: string, device: string | null, evidence: string])[] = [
  [
    'vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param "allow_unsafe_interrupts" to enable VFIO IOMMU support on this platform',
    "iommu-intremap-off",
    null,
    "VFIO refuses",
  ],
  [
    "vfio-pci 0000:01:00.0: Firmware has requested this device have a 1:1 IOMMU mapping, rejecting configuring the device without a 1:1 mapping. Contact your platform vendor.",
    "iommu-own-range",
    "0000:01:00.0",
    "refuses every domain",
  ],
  [
    "(XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at db7d7000 for d10.",
    "iommu-own-range",
    "0000:00:1a.0",
    "RMRR at 0xdb7d7000, domain 10",
  ],
  [
    "(XEN) IVHD Error: no information for IO-APIC 0x82\n(XEN) AMD-Vi: Error initialization",
    "amdvi-off",
    null,
    "I/O APIC 0x82",
  ],
  [
    "qla2xxx 0000:01:00.0: iommu_alloc failed, tbl 00000000f8fb5e6e vaddr 00000000f0bb9ef2 npages 16",
    "iommu-window-full",
    "0000:01:00.0",
    "npages 16",
  ],
  ["DMAR-IR: Failed to copy IR table for dmar0 from previous kernel", "dmar-handover", null, "dmar0"],
  [
    "mtk-iommu 10205000.iommu: Partial TLB flush timed out, falling back to full flush",
    "iommu-flush",
    "10205000.iommu",
    "full flush",
  ],
  [
    "arm-smmu 2b600000.iommu: Unhandled context fault: iova=0x00001000, fsynr=0x430011, cb=1",
    "smmuv2-unmapped-or-permission",
    "2b600000.iommu",
    "address 0x1000; a write; context bank 1",
  ],
  [
    "arm-smmu 15000000.apps-smmu: Unhandled context fault: iova=0xa58c00d8, fsr=0x40000402, fsynr=0x360003, cb=5\narm-smmu 15000000.apps-smmu: SSD=0x0 SID=0x841",
    "smmuv2-unmapped",
    "stream 0x841",
    "address 0xa58c00d8; a read; context bank 5",
  ],
];

test.each(told)("%s", (text, kind, device, evidence) => {
  const found = why(text);
  expect(found.map((f) => [f.kind, f.device, f.trouble])).toEqual([[kind, device, true]]);
  expect(found[0]!.evidence).toContain(evidence);
  expect(found[0]!.do).not.toBe("");
});

test("a region that Xen's memory map does not reserve is a notice", () => {
  const found = why(
    "(XEN) [VT-D]  RMRR address range not in reserved memory base = 9f000000 end = 9f7fffff; iommu_inclusive_mapping=1 parameter may be needed.",
  );
  expect(found.map((f) => [f.kind, f.trouble])).toEqual([["dmar-rmrr", false]]);
});

test.each([
  "AMD-Vi: [Firmware Warn]: EFR mismatch. Use IVHD EFR (0xf77ef22294ada : 0x400f77ef22294ada).",
  "arm-smmu-v3 arm-smmu-v3.0.auto: failed to allocate MSIs - falling back to wired irqs",
  "iommu: Failed to allocate default IOMMU domain of type 11 for group (null) - Falling back to IOMMU_DOMAIN_DMA",
  "DMAR-IR: x2apic is disabled because BIOS sets x2apic opt out bit.\nx2apic: IRQ remapping doesn't support X2APIC mode",
  "(XEN) Intel VT-d Snoop Control not enabled.\n(XEN) Bogus DMIBAR 0xfed18001 on 0000:00:00.0\n(XEN) I/O virtualisation enabled",
  "DMAR: IOMMU feature fl1gp_support inconsistent\nDMAR: No ATSR found",
])("nothing is said of a healthy machine: %s", (text) => {
  expect(why(text).filter((f) => f.trouble)).toEqual([]);
});
