/** Fault lines of VT-d, of Linux and of Xen: device, numbers, cause, and nothing that the line does not show. */
import { expect, test } from "vitest";
import { explainLog } from "../../../../src/audit/index.js";
import { checkAll } from "./fault_case.js";

const read = (rest: string): string => `DMAR: [DMA Read NO_PASID] Request device ${rest}`;

checkAll([
  {
    name: "PASID ffffffff is none, and suppressed lines are counted",
    log: `[  139.513963] DMAR: DRHD: handling fault status reg 3
[  144.480629] dmar_fault: 893 callbacks suppressed
[  144.480638] DMAR: DRHD: handling fault status reg 3
[  144.480641] DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr 9c000000 [fault reason 06] PTE Read access is not set`,
    findings: [["dmar-unmapped-or-permission", "00:02.0"]],
    says: ["read from 0x9c000000", "893", "igfx_off", "does not tell the two apart"],
    never: ["PASID 0x", "ffffffff", "storm"],
  },
  {
    name: "a storm is called one",
    log: `kernel: dmar_fault: 812287 callbacks suppressed
kernel: DMAR: DRHD: handling fault status reg 2
kernel: DMAR: [DMA Write] Request device [99:00.0] fault addr 0 [fault reason 05] PTE Write access is not set
kernel: DMAR: DRHD: handling fault status reg 2`,
    findings: [["dmar-unmapped-or-permission", "99:00.0"]],
    says: ["a storm", "812,288", "write to 0x0", "never filled in"],
    never: ["firmware"],
  },
  {
    name: "5.14 writes 0x into the device; early graphics are no memory error",
    log: "[    0.938401] kernel: DMAR: [DMA Read NO_PASID] Request device [0x00:0x02.0] fault addr 0x70ad5000 [fault reason 0x07] Next page table ptr is invalid",
    findings: [["dmar-table-access", "00:02.0"]],
    says: ["read from 0x70ad5000", "Most likely the graphics unit", "0.94 s after boot", "igfx_off"],
  },
  {
    name: "a root entry is a whole bus",
    log: `[    0.361089] ${read("[00:02.0] fault addr 0x7cd80000 [fault reason 0x01] Present bit in root entry is clear")}`,
    findings: [["dmar-no-entry", "00:02.0"]],
    says: ["serves a whole bus", "framebuffer"],
    never: ["lspci", "alias"],
  },
  {
    name: "a root entry of scalable mode, without a sign of firmware",
    log: read("[80:1f.6] fault addr 0x1aba8d000 [fault reason 0x39] SM: Present bit in Root Entry is clear"),
    findings: [["dmar-no-entry", "80:1f.6"]],
    says: ["serves a whole bus", "kdump"],
    never: ["lspci", "Most likely", "framebuffer"],
  },
  {
    name: "a PASID that is not bound",
    log: "DMAR: [DMA Write PASID 0x1] Request device [6a:01.0] fault addr 0x7f1234567000 [fault reason 0x59] SM: Present bit in PASID Table Entry is clear",
    findings: [["dmar-no-entry", "6a:01.0"]],
    says: ["with PASID 0x1", "never bound"],
    never: ["lspci", "firmware", "alias"],
  },
  {
    name: "Xen's two lines; below 1 MiB is firmware",
    log: `(XEN) [VT-D]DMAR:[DMA Write] Request device [0000:01:00.0] fault addr 8c000, iommu reg = ffff82c000203000
(XEN) [VT-D]DMAR: reason 05 - PTE Write access is not set`,
    findings: [["dmar-unmapped-or-permission", "0000:01:00.0"]],
    says: ["fault reason 0x5", "0x8c000", "below 1 MiB", "rmrr=", "firmware"],
    never: ["iommu.passthrough", "next line"],
  },
  {
    name: "Xen's reasons are hexadecimal",
    log: `(XEN) [VT-D]INTR-REMAP: Request device [0000:f0:1f.0] fault index 0
(XEN) [VT-D]INTR-REMAP: reason 25 - Blocked a compatibility format interrupt request`,
    findings: [["dmar-interrupt", "0000:f0:1f.0"]],
    says: ["fault reason 0x25", "unremapped format", "iommu=no-intremap", "any interrupt"],
    never: ["intremap=off"],
  },
  {
    name: "Xen of old",
    log: `(XEN) [VT-D]iommu.c:840: DMAR:[DMA Read] Request device [03:00.0] fault addr 7bb3b6000, iommu reg = fff82c3fff56000
(XEN) DMAR:[fault reason 06h] PTE Read access is not set`,
    findings: [["dmar-unmapped-or-permission", "03:00.0"]],
    says: ["read from 0x7bb3b6000", "fault reason 0x6"],
  },
  {
    name: "the walk that Xen prints",
    log: `(XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:1f.2] fault addr ea0c4f000
(XEN) [VT-D]DMAR: reason 06 - PTE Read access is not set
(XEN) print_vtd_entries: iommu #0 dev 0000:00:1f.2 gmfn ea0c4f
(XEN)     root_entry[00] = 46e129001
(XEN)     context[fa] = 2_46e128001
(XEN)     l4[000] = 46e11b003
(XEN)     l3[03a] = 0
(XEN)     l3[03a] not present`,
    findings: [["dmar-unmapped", "0000:00:1f.2"]],
    says: ["no entry at level 3"],
    never: ["does not tell"],
  },
  {
    name: "the same in a journal that a mail broke",
    log: `> Oct 16 15:58:05.110768 VM hypervisor: (XEN) [VT-D]DMAR:[DMA Read]
> Request device [0000:00:1f.2] fault addr ea0c4f000, iommu reg = ffff
> 82c00021d000
> Oct 16 15:58:05.110774 VM hypervisor: (XEN) [VT-D]DMAR: reason 06 -
> PTE Read access is not set
> Oct 16 15:58:05.110777 VM hypervisor: (XEN) print_vtd_entries: iommu
> #0 dev 0000:00:1f.2 gmfn ea0c4f
> Oct 16 15:58:05.110785 VM hypervisor: (XEN)     l4[000] = 46e11b003
> Oct 16 15:58:05.110787 VM hypervisor: (XEN)     l3[03a] = 0
> Oct 16 15:58:05.110789 VM hypervisor: (XEN)     l3[03a] not present`,
    findings: [["dmar-unmapped", "0000:00:1f.2"]],
    says: ["read from 0xea0c4f000", "fault reason 0x6", "no entry at level 3"],
  },
  {
    name: "a dump whose lines were broken; devices 16 to 31 have the upper root entry",
    log: `[Wed Jun  3 15:40:37 2026] DMAR: [DMA Write NO_PASID] Request
device [80:1f.6] fault addr 0x1aba8d000 [fault reason 0x39] SM:
Present bit in Root Entry is clear
[Wed Jun  3 15:40:37 2026] DMAR: Dump dmar1 table entries for IOVA
0x1aba8d000
[Wed Jun  3 15:40:37 2026] DMAR: scalable mode root entry: hi
0x0000000000000000, low 0x0000000e89cda001`,
    findings: [["dmar-no-entry", "80:1f.6"]],
    says: ["root entry absent as well (0x0)"],
  },
  {
    name: "interrupt remapping whose reason lost its number",
    log: `> DRHD: handling fault status reg 502
> INTR-REMAP: Request device[[42:00.1] fault index b0
> INTR-REMAP:[] Present field in the IRTE entry is clear`,
    findings: [["dmar-interrupt", "42:00.1"]],
    says: ["fault reason 0x22", "index 0xb0", "for a test only"],
  },
  {
    name: "no PASID, and a context entry that is missing",
    log: `[  228.845953] DMAR: DRHD: handling fault status reg 2
[  228.845965] DMAR: [DMA Write] Request device [05:02.0] PASID ffffffff fault addr 0 [fault reason 02] Present bit in context entry is clear`,
    findings: [["dmar-no-entry", "05:02.0"]],
    says: ["write to 0x0", "lspci"],
    never: ["PASID 0x"],
  },
  {
    name: "registers that read all ones are one thing",
    log: `  DMAR: VT-d detected Invalidation Queue Error: Reason f
  DMAR: VT-d detected Invalidation Time-out Error: SID ffff
  DMAR: VT-d detected Invalidation Completion Error: SID ffff
  DMAR: QI HEAD: UNKNOWN qw0 = 0x0, qw1 = 0x0
  DMAR: QI PRIOR: UNKNOWN qw0 = 0x0, qw1 = 0x0
  DMAR: Invalidation Time-out Error (ITE) cleared`,
    findings: [["dmar-silent", null]],
    says: ["all ones", "does not answer", "bridge"],
    never: ["ATS", "noats"],
  },
  {
    name: "a status of all ones",
    log: "DMAR: DRHD: handling fault status reg ffffffff",
    findings: [["dmar-silent", null]],
    says: ["0xffffffff"],
    never: ["overflow", "PFO"],
  },
  {
    name: "a unit that firmware lists and that does not answer",
    log: `[    0.000000] WARNING: CPU: 0 PID: 0 at drivers/iommu/dmar.c:844 warn_invalid_dmar+0x70/0x7d
[    0.000000] Your BIOS is broken; DMAR reported at address fbffc000 returns all ones!
[    0.000000] BIOS vendor: (null); Ver: (null); Product Version: (null)`,
    findings: [["dmar-silent", null]],
    says: ["0xfbffc000", "stays off"],
  },
  {
    name: "a device that does not answer a flush, by register",
    log: "[   55.1] DMAR: VT-d detected Invalidation Time-out Error: SID 5300",
    findings: [["dmar-command", "53:00.0"]],
    says: ["did not answer", "pci=noats"],
  },
  {
    name: "status, register and descriptors of one failure are one finding",
    log: `[  100.1] DMAR: DRHD: handling fault status reg 40
[  100.2] DMAR: VT-d detected Invalidation Time-out Error: SID 3d00
[  100.3] DMAR: QI HEAD: Invalidation Wait qw0 = 0x200000025, qw1 = 0x10007a4bc
[  100.4] DMAR: QI PRIOR: Device-TLB Invalidation qw0 = 0x3d003d0000000003, qw1 = 0x7ffffffffffff001
[  100.5] DMAR: Invalidation Time-out Error (ITE) cleared`,
    findings: [["dmar-command", "3d:00.0"]],
    says: ["in time (ITE)", "wait (type 5)", "device-TLB invalidation (type 3) to source id 0x3d00"],
  },
  {
    name: "a descriptor alone names the device",
    log: "DMAR: QI PRIOR: Device-TLB Invalidation qw0 = 0x5300530000000003, qw1 = 0x1",
    findings: [["dmar-command", "53:00.0"]],
    says: ["type 3", "0x5300"],
  },
  {
    name: "a descriptor that is refused is no dead device",
    log: "DMAR: DRHD: handling fault status reg 10",
    findings: [["dmar-command", null]],
    says: ["refuses", "No device and no link", "hypervisor"],
    never: ["noats", "AER"],
  },
  {
    name: "a refused descriptor of old kernels",
    log: "DMAR: VT-d detected invalid descriptor: low=200000062, high=7ffff03f",
    findings: [["dmar-command", null]],
    says: ["IOTLB invalidation (type 2)", "No device and no link"],
    never: ["noats"],
  },
  {
    name: "a wrong completion",
    log: "DMAR: VT-d detected Invalidation Completion Error: SID 1a00",
    findings: [["dmar-command", "1a:00.0"]],
    says: ["answered what it was not asked"],
  },
  {
    name: "Xen waits for a device's TLB",
    log: "(XEN) [VT-D] IOMMU#1: QI dev wait descriptor taking too long",
    findings: [["dmar-command", null]],
    says: ["did not answer"],
  },
  {
    name: "an identity mapping handed out again",
    log: "[   17.488272] DMAR: ERROR: DMA PTE for vPFN 0xf1f80 already set (to f1f80003 not 12bea5803)",
    findings: [["dmar-mapped-twice", null]],
    says: ["0xf1f80000", "mapped to itself", "RMRR", "0x12bea5000"],
  },
  {
    name: "an address handed out twice",
    log: "DMAR: ERROR: DMA PTE for vPFN 0x8000 already set (to 123456003 not 223456003)",
    findings: [["dmar-mapped-twice", null]],
    says: ["0x8000000", "handed out twice", "to 0x123456000"],
    never: ["RMRR"],
  },
  {
    name: "the same mapping made twice",
    log: "DMAR: ERROR: DMA PTE for vPFN 0x428ec already set (to 3f6ec003 not 3f6ec003)",
    findings: [["dmar-mapped-twice", null]],
    says: ["same memory with the same rights", "reaches what it should"],
    never: ["wrong memory", "RMRR"],
  },
  {
    name: "an entry that is no mapping",
    log: "DMAR: ERROR: DMA PTE for vPFN 0xdf60d already set (to 1000000000000 not 1a4388003)",
    findings: [["dmar-mapped-twice", null]],
    says: ["overwritten", "no access"],
    never: ["handed out twice"],
  },
  {
    name: "a mapping beyond the unit's width",
    log: "DMAR: intel_iommu_map: iommu width (39) is not sufficient for the mapped address (ffff008000)",
    findings: [["dmar-address-width", null]],
    says: ["40 bits", "39", "host-phys-bits-limit=39"],
  },
  {
    name: "an RMRR outside the memory map is worth knowing",
    log: `[    0.109303] DMAR: [Firmware Bug]: No firmware reserved region can cover this RMRR [0x000000003e2e0000-0x000000003e2fffff], contact BIOS vendor for fixes
[    0.109311] DMAR: [Firmware Bug]: Your BIOS is broken; bad RMRR [0x000000003e2e0000-0x000000003e2fffff]
               BIOS vendor: American Megatrends Inc.; Ver: 3.11.2150; Product Version: 1`,
    findings: [["dmar-rmrr", null]],
    says: ["0x3e2e0000 to 0x3e2fffff", "128 KiB", "Nothing has failed"],
  },
  {
    name: "a device that an RMRR keeps from a guest",
    log: "vfio-pci 0000:04:00.0: Device is ineligible for IOMMU domain attach due to platform RMRR requirement.  Contact your platform vendor.",
    findings: [["dmar-rmrr-device", "0000:04:00.0"]],
    says: ["was not given away", "No option of the kernel"],
  },
  {
    name: "a status alone is trouble: its faults are left out",
    log: "dmar_fault: 57 callbacks suppressed\nDMAR: DRHD: handling fault status reg 2",
    findings: [["dmar-status", null]],
    says: ["57 more", "PPF", "rate limit"],
  },
  {
    name: "an entry that is present for the processor and was absent for the unit",
    log: ` DMAR: [DMA Read NO_PASID] Request device [00:0d.2] fault addr 0x1026a4000
       [fault reason 0x51] SM: Present bit in Directory Entry is clear
 DMAR: Dump dmar1 table entries for IOVA 0x1026a4000
 DMAR: scalable mode root entry: hi 0x0000000102448001, low 0x0000000101b3e001
 DMAR: context entry: hi 0x0000000000000000, low 0x0000000101b4d401
 DMAR: pasid dir entry: 0x0000000101b4e001
 DMAR: pasid table entry[0]: 0x0000000000000109
 DMAR: PTE not present at level 4`,
    findings: [["dmar-conflict", "00:0d.2"]],
    says: ["0x101b4e001", "missing flush", "ECAP.C"],
    never: ["lspci", "unmapped too early"],
  },
  {
    name: "a root entry that is absent in the dump as well",
    log: `[ 40.1] DMAR: [DMA Write NO_PASID] Request device [80:1f.6] fault addr 0x1aba8d000 [fault reason 0x39] SM: Present bit in Root Entry is clear
[ 40.1] DMAR: Dump dmar1 table entries for IOVA 0x1aba8d000
[ 40.1] DMAR: scalable mode root entry: hi 0x0000000000000000, low 0x0000000e89cda001
[ 40.1] DMAR: context table is not present`,
    findings: [["dmar-no-entry", "80:1f.6"]],
    says: ["the root entry absent as well"],
    never: ["flush is missing"],
  },
  {
    name: "a dump that shows a read-only page",
    log: `[   12.5] DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x05] PTE Write access is not set
[   12.6] DMAR: Dump dmar1 table entries for IOVA 0x7bb2c000
[   12.6] DMAR: root entry: 0x0000000102448001
[   12.6] DMAR: context entry: hi 0x0000000000000302, low 0x0000000101b4d001
[   12.6] DMAR: pte level: 2, pte value: 0x0000000101002003
[   12.6] DMAR: pte level: 1, pte value: 0x0000000123456001`,
    findings: [["dmar-permission", "03:00.0"]],
    says: ["not for writing, as the dump shows", "0x123456001"],
    never: ["does not tell"],
  },
  {
    name: "a dump that shows the page mapped",
    log: `[   12.5] DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x05] PTE Write access is not set
[   12.6] DMAR: Dump dmar1 table entries for IOVA 0x7bb2c000
[   12.6] DMAR: pte level: 2, pte value: 0x0000000101002003
[   12.6] DMAR: pte level: 1, pte value: 0x0000000123456003`,
    findings: [["dmar-conflict", "03:00.0"]],
    says: ["mapped for this access", "0x123456003"],
  },
  {
    name: "a dump that ends, since 6.13",
    log: `[   12.5] DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x06] PTE Read access is not set
[   12.6] DMAR: pte level: 4, pte value: 0x0000000101000003
[   12.6] DMAR: pte level: 3, pte value: 0x0000000000000000
[   12.6] DMAR: page table not present at level 2`,
    findings: [["dmar-unmapped", "03:00.0"]],
    says: ["no entry at level 3"],
    never: ["large page"],
  },
  {
    name: "a dump that ends, before: level 2 may be a large page",
    log: `[   12.5] DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0x7bb2c000 [fault reason 0x06] PTE Read access is not set
[   12.6] DMAR: pte level: 3, pte value: 0x0000000101001003
[   12.6] DMAR: PTE not present at level 2`,
    findings: [["dmar-unmapped", "03:00.0"]],
    says: ["no entry at level 2", "large page"],
  },
  {
    name: "a reserved reason asks for no further line",
    log: "DMAR: [DMA Read] Request device [00:1a.0] fault addr 7d6f1000 [fault reason 23] Unknown",
    findings: [["dmar-unknown", "00:1a.0"]],
    says: ["0x17 is reserved"],
    never: ["whole log", "following line"],
  },
  {
    name: "early and of no graphics",
    log: "[    3.141] DMAR: [DMA Read] Request device [00:1a.0] fault addr 7d6f1000 [fault reason 06] PTE Read access is not set",
    findings: [["dmar-unmapped-or-permission", "00:1a.0"]],
    says: ["firmware", "3.14 s after boot", "legacy USB"],
    never: ["framebuffer", "igfx_off"],
  },
  {
    name: "late and of no graphics is a driver's",
    log: "[  903.1] DMAR: [DMA Read] Request device [04:00.0] fault addr fd6f1000 [fault reason 06] PTE Read access is not set",
    findings: [["dmar-unmapped-or-permission", "04:00.0"]],
    says: ["trace_event=dma,iommu", "iommu.passthrough=1"],
    never: ["irmware"],
  },
  {
    name: "in a range that the log calls reserved",
    log: `[    0.000000] BIOS-e820: [mem 0x000000007d000000-0x000000007fffffff] reserved
[  903.1] DMAR: [DMA Read] Request device [04:00.0] fault addr 7d6f1000 [fault reason 06] PTE Read access is not set`,
    findings: [["dmar-unmapped-or-permission", "04:00.0"]],
    says: ["Most likely firmware", "0x7d000000-0x7fffffff", "reserved (memory map)"],
  },
  {
    name: "in an RMRR that the log names",
    log: `[    0.886508] DMAR: RMRR base: 0x0000007b800000 end: 0x0000007fffffff
[  903.1] DMAR: [DMA Read] Request device [00:14.0] fault addr 7d6f1000 [fault reason 06] PTE Read access is not set`,
    findings: [["dmar-unmapped-or-permission", "00:14.0"]],
    says: ["an RMRR", "names another device"],
    never: ["no RMRR"],
  },
  {
    name: "tables in the making, and the framebuffer",
    log: "[    0.941083] kernel: DMAR: [DMA Read NO_PASID] Request device [0x00:0x02.0] fault addr 0x70a28000 [fault reason 0x0c] non-zero reserved fields in PTE",
    findings: [["dmar-bad-table", "00:02.0"]],
    says: ["Most likely the graphics unit", "igfx_off"],
  },
  {
    name: "the same later is a bad table",
    log: "[  300.9] DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x70a28000 [fault reason 0x0c] non-zero reserved fields in PTE",
    findings: [["dmar-bad-table", "00:02.0"]],
    says: ["refuses"],
    never: ["framebuffer"],
  },
  {
    name: "a device of VFIO",
    log: `[    3.1] vfio-pci 0000:0a:00.0: vfio_bar_restore: reset recovery - restoring BARs
[    3.2] DMAR: [DMA Write NO_PASID] Request device [0a:00.0] fault addr 0xfbcdb000 [fault reason 0x05] PTE Write access is not set`,
    findings: [["dmar-unmapped-or-permission", "0a:00.0"]],
    says: ["belongs to VFIO", "does nothing"],
    never: ["irmware"],
  },
  {
    name: "page requests",
    log: "DMAR: dmar1: Page request without PASID: 0000000053000001 00007f1200000003",
    findings: [["dmar-request-type", "53:00.0"]],
    says: ["0x7f1200000000"],
  },
  {
    name: "interrupt remapping stays off",
    log: `DMAR-IR: [Firmware Bug]: ioapic 2 has no mapping iommu, interrupt remapping will be disabled
DMAR-IR: Not enabling interrupt remapping`,
    findings: [["dmar-intremap-off", null]],
    says: ["I/O APIC 2", "any interrupt", "VFIO"],
  },
]);

test("a notice is no trouble, everything else is", () => {
  const trouble = (line: string) => explainLog([line]).map((f) => f.trouble);
  expect(trouble("DMAR: [Firmware Bug]: Your BIOS is broken; bad RMRR [0x1000-0x1fff]")).toEqual([false]);
  expect(trouble("DMAR: VT-d detected Invalidation Time-out Error: SID 5300")).toEqual([true]);
  expect(trouble("DMAR: DRHD: handling fault status reg 3")).toEqual([true]);
});

test("repeated failures of the queue are counted, not run together", () => {
  const once = [
    "DMAR: VT-d detected Invalidation Time-out Error: SID 5300",
    "DMAR: Invalidation Time-out Error (ITE) cleared",
  ];
  expect(explainLog([...once, ...once, ...once])).toMatchObject([{ kind: "dmar-command", count: 3 }]);
});
