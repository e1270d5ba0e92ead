/** Fault lines of the AMD IOMMU, of Linux and of Xen. */
import { expect, test } from "vitest";
import { explainLog } from "../../../../src/audit/index.js";
import { invalidRequestOf } from "../../../../src/spec/amdvi/fault_events.js";
import { checkAll } from "./fault_case.js";

checkAll([
  {
    name: "kernels 4.9 to 4.18 print each event on two lines",
    log: `kernel: [  221.562629] AMD-Vi: Event logged [
kernel: [  221.565929] IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0x00000000ff6101b0 flags=0x0070]
kernel: [   13.134460] AMD-Vi: Event logged [
kernel: [   13.137925] INVALID_DEVICE_REQUEST device=00:00.1 address=0x000000fdf8000020 flags=0x0a00]
kernel: [  221.565938] AMD-Vi: Event logged [
kernel: [  221.569235] IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0x00000000ff6101c0 flags=0x0070]`,
    findings: [
      ["amdvi-permission", "05:00.0"],
      ["amdvi-interrupt-range", "00:00.1"],
    ],
    says: ["not for writing", "0xff6101b0 to 0xff6101c0", "domain 0x12"],
  },
  {
    name: "two CPUs at once: two heads, then two events",
    log: `AMD-Vi: Event logged [
AMD-Vi: Event logged [
INVALID_DEVICE_REQUEST device=00:00.1 address=0x000000fdf8000020 flags=0x0a00]
IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0x00000000ff6101b0 flags=0x0000]`,
    findings: [
      ["amdvi-interrupt-range", "00:00.1"],
      ["amdvi-unmapped", "05:00.0"],
    ],
    says: [],
  },
  {
    name: "a search for AMD-Vi left the heads only",
    log: "kernel: [  221.5] AMD-Vi: Event logged [\nkernel: [  223.5] AMD-Vi: Event logged [",
    findings: [["amdvi-unknown", null]],
    says: ["next line", "whole log"],
  },
  {
    name: "an interrupt that the entry blocks is not about ATS",
    log: "Nov 01 16:52:04 host kernel: iommu ivhd1: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:00:00.0 pasid=0x00000 address=0xfffffffdf8000000 flags=0x0a00]",
    findings: [["amdvi-interrupt-range", "0000:00:00.0"]],
    says: ["101b", "IntCtl 0", "root complex", "harmless"],
    never: ["noats", "PASIDs"],
  },
  {
    name: "a translated request is about ATS",
    log: "iommu ivhd0: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:0c:00.0 pasid=0x00000 address=0x7f1200000000 flags=0x0200]",
    findings: [["amdvi-request-type", "0000:0c:00.0"]],
    says: ["001b", "translated itself", "pci=noats"],
  },
  {
    name: "a translation request is, too",
    log: "iommu ivhd0: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:0c:00.0 pasid=0x00000 address=0x7f1200000000 flags=0x0100]",
    findings: [["amdvi-request-type", "0000:0c:00.0"]],
    says: ["TR 1", "pci=noats"],
  },
  {
    name: "port I/O is not",
    log: "iommu ivhd0: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:0c:00.0 pasid=0x00000 address=0xfdfc000000 flags=0x0400]",
    findings: [["amdvi-request-type", "0000:0c:00.0"]],
    says: ["port I/O"],
    never: ["noats"],
  },
  {
    name: "pass-through under SNP, by the dumped entry",
    log: `  iommu ivhd3: AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:43:00.0 pasid=0x00000 address=0x3737b01000 flags=0x0020]
  iommu ivhd3: AMD-Vi: Control Reg : 0xc22000142148d
  AMD-Vi: DTE[0]: 6000000000000003
  AMD-Vi: DTE[1]: 0000000000000001
  AMD-Vi: DTE[2]: 2000003088b3e013
  AMD-Vi: DTE[3]: 0000000000000000`,
    findings: [["amdvi-bad-table", "0000:43:00.0"]],
    says: ["V, TV, Mode 0 (identity, no table), IR, IW, domain 1", "SNP", "translated domain", "interrupts remapped"],
    never: ["scalable"],
  },
  {
    name: "a reserved bit in the dumped entry",
    log: `AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:43:00.0 pasid=0x00000 address=0x1000 flags=0x0080]
AMD-Vi: DTE[0]: 600000010a3c8607
AMD-Vi: DTE[1]: 000000000000000f
AMD-Vi: DTE[2]: 0000000000000000
AMD-Vi: DTE[3]: 0000000000000000`,
    findings: [["amdvi-bad-table", "0000:43:00.0"]],
    says: ["Mode 3, table at 0x10a3c8000", "reserved bits 2 are set", "RZ 1"],
    never: ["SNP", "scalable"],
  },
  {
    name: "page requests and guest tables after suspend; broken before the bracket, in quoted-printable",
    log: `May 27 14:24:22 h kernel: iommu ivhd0: AMD-Vi: Event logged
[ILLEGAL_DEV_TABLE_ENTRY device=3D0000:00:01.0 pasid=3D0x00000 address=3D0x=
102e89980
flags=3D0x0080]
May 27 14:24:22 h kernel: AMD-Vi: DTE[0]: 7190000000000003
May 27 14:24:22 h kernel: AMD-Vi: DTE[1]: 00001001034f0002`,
    findings: [["amdvi-bad-table", "0000:00:01.0"]],
    says: ["0x102e89980", "guest table (GLX 1)", "page requests (PPR)", "control register"],
    never: ["SNP"],
  },
  {
    name: "a refused command lies where the line says, and is dumped",
    log: `iommu ivhd0: AMD-Vi: Event logged [ILLEGAL_COMMAND_ERROR address=0x1002147e0]
AMD-Vi: CMD[0]: 00000000
AMD-Vi: CMD[1]: f0000000
AMD-Vi: CMD[2]: 00000000
AMD-Vi: CMD[3]: 00000000`,
    findings: [["amdvi-command", "ivhd0"]],
    says: ["the command lies at 0x1002147e0", "no command that is defined", "No device and no link"],
    never: ["noats"],
  },
  {
    name: "a command that could not be read",
    log: "iommu ivhd0: AMD-Vi: Event logged [COMMAND_HARDWARE_ERROR address=0x1002147e0 flags=0x0400]",
    findings: [["amdvi-command", "ivhd0"]],
    says: ["could not read", "target abort", "0x1002147e0"],
    never: ["noats"],
  },
  {
    name: "a device that does not answer a flush",
    log: "iommu ivhd0: AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:0b:00.0 address=0x100230a40]",
    findings: [["amdvi-command", "0000:0b:00.0"]],
    says: ["did not answer", "the command lies at 0x100230a40", "pci=noats"],
  },
  {
    name: "a page table that could not be read",
    log: "AMD-Vi: Event logged [PAGE_TAB_HARDWARE_ERROR device=01:00.0 pasid=0x0000 address=0x7fff1000 flags=0x0200]",
    findings: [["amdvi-table-access", "01:00.0"]],
    says: ["master abort", "0x7fff1000"],
    never: ["not decoded"],
  },
  {
    name: "domain 0 is none",
    log: "pci 0000:03:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x7f5c0000 flags=0x0020]",
    findings: [["amdvi-unmapped", "0000:03:00.0"]],
    says: ["domain 0 is none of the kernel's own"],
  },
  {
    name: "present, and no flag says what is wrong",
    log: "[    1.131873] AMD-Vi: Event logged [IO_PAGE_FAULT device=02:00.0 domain=0x0017 address=0x00000000be9f9880 flags=0x0010]",
    findings: [["amdvi-unmapped-or-permission", "02:00.0"]],
    says: ["flags do not say why", "no driver was attached", "firmware", "1.13 s"],
    never: ["other direction"],
  },
  {
    name: "the owner of a page",
    log: "nvme 0000:01:00.0: AMD-Vi: Event logged [RMP_PAGE_FAULT vmg_tag=0x0000, gpa=0x10f2000, flags_rmp=0x0003, flags=0x0020]",
    findings: [["amdvi-ownership", "0000:01:00.0"]],
    says: ["0x10f2000", "flags_rmp 0x3"],
  },
  {
    name: "Xen: an interrupt was refused",
    log: "(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:00:14.0 d0 addr 000000fdf8010140 flags 0x8 I",
    findings: [["amdvi-interrupt", "0000:00:14.0"]],
    says: ["an interrupt was refused", "0xfdf8010140", "iommu=no-intremap", "AMD systems carry interrupts"],
    never: ["not present", "none of the kernel's own"],
  },
  {
    name: "Xen: the walk beside a fault",
    log: `(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:01:00.0 d0 addr 00000000fffb9000 flags 0x0
(XEN) 0000:01:00.0 root @ 83b5f5 (3 levels) dfn=fffb9
(XEN)   L3[003] = 0 np`,
    findings: [["amdvi-unmapped", "0000:01:00.0"]],
    says: ["no entry at level 3"],
  },
  {
    name: "kernels of 2009",
    log: "AMD IOMMU: Event logged [IO_PAGE_FAULT device=00:13.2 domain=0x000b address=0x00000000b7f80000 flags=0x0020]",
    findings: [["amdvi-unmapped", "00:13.2"]],
    says: ["0xb7f80000"],
  },
  {
    name: "Xen: a guest's device",
    log: "(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:0a:00.0 d1 addr 00000000fffb9000 flags 0 ",
    findings: [["amdvi-unmapped", "0000:0a:00.0"]],
    says: ["of domain d1", "which domain owns the device"],
    never: ["iommu.passthrough"],
  },
  {
    name: "Xen of old names a number",
    log: "(XEN) AMD-Vi: IO_PAGE_FAULT: domain = 0, device id = 0xa0, fault address = 0xfdf8020200, flags = 0x8",
    findings: [["amdvi-interrupt", "00:14.0"]],
    says: ["0xfdf8020200"],
  },
  {
    name: "Xen: an event in four words",
    log: "(XEN) INVALID_DEV_REQUEST 00000a00 8a000000 f8000840 000000fd",
    findings: [["amdvi-interrupt-range", "0a:00.0"]],
    says: ["101b", "0xfdf8000840"],
  },
  {
    name: "Linux: an event that the kernel does not name, in four words",
    log: "iommu ivhd0: AMD-Vi: Event logged [UNKNOWN event[0]=0x00000b10 event[1]=0x20000007 event[2]=0x12345000 event[3]=0x00000001",
    findings: [["amdvi-unmapped", "0b:02.0"]],
    says: ["0x112345000"],
  },
  {
    name: "interrupt remapping stays off",
    log: `[    0.000000] [Firmware Bug]: AMD-Vi: IOAPIC[4] not in IVRS table
[    0.000000] [Firmware Bug]: AMD-Vi: IOAPIC[5] not in IVRS table
[    0.000000] [Firmware Bug]: AMD-Vi: No southbridge IOAPIC found
[    0.000000] AMD-Vi: Disabling interrupt remapping`,
    findings: [["amdvi-intremap-off", null]],
    says: ["I/O APIC 4 and 5", "any interrupt", "VFIO", "ivrs_ioapic[4]="],
  },
  {
    name: "suppressed lines of the page-fault handler",
    log: `amdgpu 0000:08:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000f address=0x103a82000 flags=0x0020]
amd_iommu_report_page_fault: 96 callbacks suppressed`,
    findings: [["amdvi-unmapped", "0000:08:00.0"]],
    says: ["96 more", "undefined where no page is present"],
  },
  {
    name: "lost events",
    log: "AMD-Vi: IOMMU event log overflow",
    findings: [["amdvi-lost", null]],
    says: ["overflowed"],
  },
]);

test("the type and TR of a refused request decide what it was", () => {
  const ats = (flags: number) => invalidRequestOf(flags)?.ats;
  expect([0x000, 0x200, 0x400, 0x600, 0x800, 0xa00, 0xc00, 0xe00].map(ats)).toEqual([
    ...[false, true, false, false, false, false, false, false],
  ]);
  expect([0x100, 0x300].map(ats)).toEqual([true, true]);
  expect(invalidRequestOf(0x500)).toBeNull();
});

test("waits that follow a device's silence are the same trouble", () => {
  const found = explainLog([
    "Jun 15 11:59:16   kernel: iommu ivhd0: AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:0b:00.0 address=0x1002147e0]",
    "Jun 15 11:59:17   kernel: AMD-Vi: Completion-Wait loop timed out",
    "Jun 15 11:59:18   kernel: iommu ivhd0: AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:0b:00.0 address=0x100214870]",
  ]);
  expect(found).toMatchObject([{ kind: "amdvi-command", device: "0000:0b:00.0", count: 2 }]);
});

test("an event says the same on one line and on two", () => {
  const one = "AMD-Vi: Event logged [IO_PAGE_FAULT device=05:00.0 domain=0x0012 address=0xff6101b0 flags=0x0070]";
  const { line: _, ...alone } = explainLog([one])[0]!;
  expect(explainLog([one.slice(0, 22), one.slice(22)])[0]).toMatchObject(alone);
});
