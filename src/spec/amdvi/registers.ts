/**
 * Registers of an AMD IOMMU: the ones that say where its tables are and what it can do. Where they lie says
 * `register_map.ts`.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 3.4.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** The register block is at least 16 KiB long and aligned to it. */
export const amdviBlockBytes = 0x4000;

/** AMD-Vi device table base. */
export const DeviceTableBase = layout(
  {
    title: "AMD-Vi device table base",
    source: "AMD IOMMU 48882, 3.4.1",
    bitCount: 64,
    reserved: [
      [11, 9],
      [63, 52],
    ],
  },
  {
    size: bits(8, 0, "length in units of 4 KiB, less one"),
    frame: bits<Mfn>(51, 12, "device table"),
  },
);

/** AMD-Vi control. */
export const Control = layout(
  {
    title: "AMD-Vi control",
    source: "AMD IOMMU 48882, 3.4.4",
    bitCount: 64,
    ignored: [
      [24, 18],
      [44, 43],
      [49, 46],
      [63, 56],
    ],
  },
  {
    iommuEn: bit(0, "1 = the unit is on"),
    htTunEn: bit(1, "HyperTransport tunnel"),
    eventLogEn: bit(2, "events are logged"),
    eventIntEn: bit(3, "events raise an interrupt"),
    comWaitIntEn: bit(4, "completion waits may raise an interrupt"),
    invTimeOut: bits(7, 5, "timeout of device-TLB invalidations"),
    passPw: bit(8, "posted writes"),
    resPassPw: bit(9, "posted writes of responses"),
    coherent: bit(10, "table walks snoop"),
    isoc: bit(11, "isochronous"),
    cmdBufEn: bit(12, "commands are processed"),
    pprLogEn: bit(13, "page requests are logged"),
    pprIntEn: bit(14, "page requests raise an interrupt"),
    pprEn: bit(15, "page requests are processed"),
    gtEn: bit(16, "1 = guest (first-stage) translation may be used"),
    gaEn: bit(17, "guest virtual APIC"),
    gamEn: bits(27, 25, "guest virtual APIC mode"),
    gaLogEn: bit(28, "guest virtual APIC log"),
    gaIntEn: bit(29, "guest virtual APIC interrupts"),
    dualPprLogEn: bits(31, 30, "dual page request log"),
    dualEventLogEn: bits(33, 32, "dual event log"),
    devTblSegEn: bits(36, 34, "2^n device table segments"),
    privAbrtEn: bits(38, 37, "aborts of privileged requests"),
    pprAutoRspEn: bit(39, "page requests are answered when the log is full"),
    marcEn: bit(40, "memory access routing"),
    blkStopMrkEn: bit(41, "stop markers are blocked"),
    pprAutoRspAon: bit(42, "page requests are always answered"),
    ephEn: bit(45, "enhanced page request handling"),
    xtEn: bit(50, "32-bit interrupt destinations"),
    intCapXtEn: bit(51, "the unit's own interrupts have 32-bit destinations"),
    vCmdEn: bit(52, "virtualised commands"),
    vIommuEn: bit(53, "virtualised units"),
    gaUpdateDis: bit(54, "no updates of the guest APIC"),
    gappiEn: bit(55, "guest APIC physical processor interrupts"),
  },
);

/** AMD-Vi extended features. */
export const ExtendedFeatures = layout(
  {
    title: "AMD-Vi extended features",
    source: "AMD IOMMU 48882, 3.4.11",
    bitCount: 64,
    ignored: [
      [27, 26],
      [31, 30],
      [47, 47],
      [60, 53],
    ],
  },
  {
    preFSup: bit(0, "prefetch"),
    pprSup: bit(1, "page requests"),
    xtSup: bit(2, "32-bit interrupt destinations"),
    nxSup: bit(3, "no-execute"),
    gtSup: bit(4, "guest (first-stage) translation"),
    gappiSup: bit(5, "guest APIC physical processor interrupts"),
    iaSup: bit(6, "invalidate all"),
    gaSup: bit(7, "guest virtual APIC"),
    heSup: bit(8, "hardware error registers"),
    pcSup: bit(9, "performance counters"),
    hats: bits(11, 10, "host table levels: 0 = 4, 1 = 5, 2 = 6"),
    gats: bits(13, 12, "guest table levels: 0 = 4, 1 = 5, 2 = 6"),
    glxSup: bits(15, 14, "GCR3 table levels, less one"),
    smiFSup: bits(17, 16, "system management filter"),
    smiFRC: bits(20, 18, "filter registers"),
    gamSup: bits(23, 21, "guest virtual APIC modes"),
    dualPprLogSup: bits(25, 24, "dual page request log"),
    dualEventLogSup: bits(29, 28, "dual event log"),
    pasMax: bits(36, 32, "bits of a PASID, less one"),
    usSup: bit(37, "user and supervisor"),
    devTblSegSup: bits(39, 38, "device table segments: 0 one, 1 two, 2 four, 3 eight"),
    pprOvrflwEarlySup: bit(40, "early warning of page requests"),
    pprAutoRspSup: bit(41, "automatic answers to page requests"),
    marcSup: bits(43, 42, "memory access routing"),
    blkStopMrkSup: bit(44, "stop markers can be blocked"),
    perfOptSup: bit(45, "performance optimisation"),
    msiCapMmioSup: bit(46, "interrupt registers in this block"),
    gioSup: bit(48, "GIOV"),
    haSup: bit(49, "host accessed bit"),
    ephSup: bit(50, "enhanced page request handling"),
    attrFwSup: bit(51, "attribute forwarding"),
    hdSup: bit(52, "host dirty bit"),
    gaUpdateDisSup: bit(61, "guest APIC updates can be off"),
    forcePhyDestSup: bit(62, "physical destinations can be forced"),
    snpSup: bit(63, "reverse map table (confidential guests)"),
  },
);

/** AMD-Vi status. */
export const UnitStatus = layout(
  { title: "AMD-Vi status", source: "AMD IOMMU 48882, 3.4.16", bitCount: 64, ignored: [[63, 11]] },
  {
    eventOverflow: bit(0, "events were lost"),
    eventLogInt: bit(1, "an event interrupt is pending"),
    comWaitInt: bit(2, "a completion wait is done"),
    eventLogRun: bit(3, "the event log runs"),
    cmdBufRun: bit(4, "the command buffer runs"),
    pprOverflow: bit(5, "page requests were lost"),
    pprInt: bit(6, "a page request interrupt is pending"),
    pprLogRun: bit(7, "the page request log runs"),
    gaLogRun: bit(8, "the guest APIC log runs"),
    gaLogOverflow: bit(9, "guest APIC records were lost"),
    gaInt: bit(10, "a guest APIC interrupt is pending"),
  },
);

/** Addresses in the range pass untranslated for devices with EX, or for all with `allow`. */
export const ExclusionBase = layout(
  {
    title: "AMD-Vi exclusion base",
    source: "AMD IOMMU 48882, 3.4.5",
    bitCount: 64,
    reserved: [
      [11, 2],
      [63, 52],
    ],
  },
  {
    exEn: bit(0, "1 = the range is in force"),
    allow: bit(1, "1 = for every device; 0 = for those with EX in their entry"),
    frame: bits<Mfn>(51, 12, "first page of the range"),
  },
);

/** AMD-Vi exclusion limit. */
export const ExclusionLimit = layout(
  {
    title: "AMD-Vi exclusion limit",
    source: "AMD IOMMU 48882, 3.4.6",
    bitCount: 64,
    ignored: [[11, 0]],
    reserved: [[63, 52]],
  },
  { frame: bits<Mfn>(51, 12, "last page of the range") },
);
