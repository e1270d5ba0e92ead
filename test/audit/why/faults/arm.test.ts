/** Fault lines of SMMUv3 and of SMMUv1 and v2, of Linux and of Xen. */
import { checkAll } from "./fault_case.js";

const v3 = "arm-smmu-v3 arm-smmu-v3.0.auto: ";

checkAll([
  {
    name: "a doorbell that is not mapped, in words of two halves",
    log: `> [  196.747107] ${v3}event 0x10 received:
> [  196.747109] ${v3}0x00000180 00000010
> [  196.747110] ${v3}0x0000020100000000
> [  196.747111] ${v3}0x00000000ffffe040
> [  196.747113] ${v3}0x00000000ffffe000`,
    findings: [["smmuv3-doorbell", "stream 0x180"]],
    says: ["0xffffe040", "doorbell", "MSI", "ITS", "write"],
    never: ["unmapped a buffer too early"],
  },
  {
    name: "Xen: the doorbell behind stage 2 alone",
    log: `(XEN) SMMUv3: /smmuv3@9050000: event 0x10 received:
(XEN) SMMUv3: /smmuv3@9050000:  0x0000000800000010
(XEN) SMMUv3: /smmuv3@9050000:  0x0000008000000000
(XEN) SMMUv3: /smmuv3@9050000:  0x0000000008090040
(XEN) SMMUv3: /smmuv3@9050000:  0x0000000000000000`,
    findings: [["smmuv3-doorbell", "stream 0x8"]],
    says: ["0x8090040", "doorbell", "stage 2", "Xen has to map"],
    never: ["context descriptor", "iommu.passthrough"],
  },
  {
    name: "a read at that place in a page is no doorbell",
    log: `${v3}event 0x10 received:
${v3}\t0x0000018000000010
${v3}\t0x0000020800000000
${v3}\t0x00000000ffffe040
${v3}\t0x0000000000000000`,
    findings: [["smmuv3-unmapped", "stream 0x180"]],
    says: ["unmapped a buffer too early"],
    never: ["doorbell"],
  },
  {
    name: "0xfee00000 means interrupts on x86 only",
    log: `${v3}event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0xfee00000 ipa: 0x0`,
    findings: [["smmuv3-unmapped", "0000:01:00.0"]],
    says: ["0xfee00000"],
    never: ["interrupt messages"],
  },
  {
    name: "a decoded line alone does not say whether it was a write",
    log: `${v3}event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0x8020040 ipa: 0x0`,
    findings: [["smmuv3-unmapped", "0000:01:00.0"]],
    says: ["if it was a write, an MSI"],
  },
  {
    name: "the client of a later line wins over the guess, and numbers come once",
    log: `> arm-smmu-v3 490d0000.iommu: event 0x10 received:
> arm-smmu-v3 490d0000.iommu:      0x0000001100000010
> arm-smmu-v3 490d0000.iommu:      0x0000020a00000000
> arm-smmu-v3 490d0000.iommu:      0x000000009b0cc000
> arm-smmu-v3 490d0000.iommu:      0x0000000000000000
> arm-smmu-v3 490d0000.iommu: event: F_TRANSLATION client: 0000:01:00.0 sid=
: 0x11 ssid: 0x0 iova: 0x9b0cc000 ipa: 0x0
> arm-smmu-v3 490d0000.iommu: priv data read s1 "Input address caused fault=
" stag: 0x0`,
    findings: [["smmuv3-unmapped", "0000:01:00.0"]],
    says: ["device 0000:01:00.0; stream 0x11; address 0x9b0cc000; a privileged read of data, stage 1"],
    never: ["00:02.1", "requester ids"],
  },
  {
    name: "a stream that nobody described",
    log: `    ${v3}event 0x02 received:
    ${v3}0x0000090000000002
    ${v3}0x0000000000000000
    ${v3}0x0000000000000000
    ${v3}0x0000000000000000
    ${v3}event: C_BAD_STREAMID client: (unassigned sid) sid: 0x900 ssid: 0x0`,
    findings: [["smmuv3-no-entry", "stream 0x900"]],
    says: ["IORT", "iommu-map", "stream table is too small", "no device the kernel knows"],
    never: ["lspci", "alias"],
  },
  {
    name: "an entry that is not set up",
    log: `${v3}event: C_BAD_STE client: 0000:01:00.0 sid: 0x100 ssid: 0x0`,
    findings: [["smmuv3-no-entry", "0000:01:00.0"]],
    says: ["IORT"],
    never: ["lspci", "alias"],
  },
  {
    name: "a global error and its command are one finding",
    log: `  arm-smmu-v3: unexpected global error reported (0x00000001),
               this could be serious
  arm-smmu-v3: CMDQ error (cons 0x01000022): Illegal command
  arm-smmu-v3: skipping command in error state:
  arm-smmu-v3:  0x0000000000000000
  arm-smmu-v3:  0x0000000000000000`,
    findings: [["smmuv3-command", null]],
    says: ["Illegal command", "CMDQ_ERR", "0x0 0x0", "no command", "emulated"],
    never: ["ATS", "AER", "hotplug"],
  },
  {
    name: "the refused command by its name",
    log: `${v3}CMDQ error (cons 0x01000010): Illegal command
${v3}skipping command in error state:
${v3}\t0x0000000000000004
${v3}\t0x000000000000001f`,
    findings: [["smmuv3-command", "arm-smmu-v3.0.auto"]],
    says: ["CMD_CFGI_STE_RANGE"],
    never: ["ATS"],
  },
  {
    name: "a queue that could not be read",
    log: `${v3}CMDQ error (cons 0x02000022): Abort on command fetch`,
    findings: [["smmuv3-command", "arm-smmu-v3.0.auto"]],
    says: ["could not be read"],
    never: ["ATS", "hotplug"],
  },
  {
    name: "a device that did not answer",
    log: `${v3}CMDQ error (cons 0x03000010): ATC invalidate timeout`,
    findings: [["smmuv3-command", "arm-smmu-v3.0.auto"]],
    says: ["ATC_INV", "pci=noats"],
  },
  {
    name: "service failure mode",
    log: `${v3}unexpected global error reported (0x00000100), this could be serious
${v3}device has entered Service Failure Mode!`,
    findings: [["smmuv3-global", "arm-smmu-v3.0.auto"]],
    says: ["translates no more", "restarted"],
  },
  {
    name: "events that are lost",
    log: `${v3}EVTQ overflow detected -- events lost`,
    findings: [["smmuv3-lost", "arm-smmu-v3.0.auto"]],
    says: ["events"],
  },
  {
    name: "v2: a translation fault, behind an unknown prefix",
    log: "0x000000000277BBFA |   1263.468579:   arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000, fsynr=0x540003, cbfrsynra=0x19c3, cb=10",
    findings: [["smmuv2-unmapped", "stream 0x19c3"]],
    says: ["0xfd7ff000", "a read", "TF", "context bank 10", "unmapped a buffer too early"],
  },
  {
    name: "v2: a permission fault with the decoded lines of 6.11",
    log: `arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x80000408, iova=0xfffff000, fsynr=0x110013, cbfrsynra=0x880, cb=2
arm-smmu 15000000.iommu: FSR    = 80000408 [MULTI Format=2 PF], SID=0x880
arm-smmu 15000000.iommu: FSYNR0 = 00110013 [S1CBNDX=17 WNR PLVL=3]`,
    findings: [["smmuv2-permission", "stream 0x880"]],
    says: ["a write", "PF", "MULTI"],
  },
  {
    name: "v2: old kernels do not name the stream",
    log: "arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0x12345000, fsynr=0x10, cb=3",
    findings: [["smmuv2-unmapped", "5000000.iommu"]],
    says: ["does not name the stream", "a write"],
  },
  {
    name: "v2: suppressed",
    log: `arm_smmu_context_fault: 83 callbacks suppressed
arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000, fsynr=0x540003, cbfrsynra=0x19c3, cb=10`,
    findings: [["smmuv2-unmapped", "stream 0x19c3"]],
    says: ["83 more"],
  },
  {
    name: "v2: a stream without an entry in the device tree",
    log: `arm-smmu 15000000.iommu: Unexpected global fault, this could be serious
arm-smmu 15000000.iommu: GFSR 0x00000002, GFSYNR0 0x00000002, GFSYNR1 0x00000043, GFSYNR2 0x00000000`,
    findings: [["smmuv2-no-entry", "stream 0x43"]],
    says: ["USF", "iommus", "a write"],
    never: ["lspci"],
  },
  {
    name: "v2: the same in later kernels' words",
    log: `arm-smmu 5040000.iommu: Blocked unknown Stream ID 0x1c0; boot with "arm-smmu.disable_bypass=0" to allow, but this may have security implications
arm-smmu 5040000.iommu: \tGFSR 0x80000002, GFSYNR0 0x00000000, GFSYNR1 0x000001c0, GFSYNR2 0x00000000`,
    findings: [["smmuv2-no-entry", "stream 0x1c0"]],
    says: ["unidentified stream", "takes the protection away"],
  },
  {
    name: "v2: two mappings match",
    log: "arm-smmu 5040000.iommu: \tGFSR 0x00000004, GFSYNR0 0x00000000, GFSYNR1 0x00000c01, GFSYNR2 0x00000000",
    findings: [["smmuv2-bad-table", "stream 0xc01"]],
    says: ["stream match conflict"],
    never: ["scalable"],
  },
  {
    name: "v2: Xen",
    log: "(XEN) smmu: /smmu@d00000: Unhandled context fault: fsr=0x402, iova=0xdeadb000, fsynr=0x13, cb=0",
    findings: [["smmuv2-unmapped", "smmu@d00000"]],
    says: ["0xdeadb000", "which domain owns the device"],
    never: ["iommu.passthrough"],
  },
  {
    name: "v2: a flush that does not end",
    log: "arm-smmu 5040000.iommu: TLB sync timed out -- SMMU may be deadlocked",
    findings: [["smmuv2-command", "5040000.iommu"]],
    says: ["clock"],
  },
  {
    name: "a doorbell after a fault elsewhere of the same stream is a finding of its own",
    log: [0x12345000, 0xffffe040, 0x12346000, 0xffffe040]
      .map((at, n) => {
        const time = `[  ${n}.000000] `;
        const words = ["0000018000000010", "0000020000000000", at.toString(16).padStart(16, "0"), "0000000000000000"];
        return [`${time}${v3}event 0x10 received:`, ...words.map((w) => `${time}${v3}\t0x${w}`)].join("\n");
      })
      .join("\n"),
    findings: [
      ["smmuv3-unmapped", "stream 0x180"],
      ["smmuv3-doorbell", "stream 0x180"],
    ],
    says: ["0x12345000"],
    never: ["doorbell"],
  },
]);
