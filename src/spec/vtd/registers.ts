/**
 * Registers of a VT-d remapping unit: the ones that say where its tables are and what it can do. Where they lie says
 * `register_map.ts`.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, chapter 11.4.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** Register blocks are at least this long and aligned to it. */
export const vtdBlockBytes = 4096;

/** VT-d CAP_REG. */
export const Capability = layout(
  {
    title: "VT-d CAP_REG",
    source: "VT-d 4.1, 11.4.2",
    bitCount: 64,
    ignored: [[23, 23]],
    reserved: [
      [15, 13],
      [38, 38],
      [58, 57],
    ],
  },
  {
    nd: bits(2, 0, "2^(4+2n) domain ids"),
    afl: bit(3, "advanced fault logging"),
    rwbf: bit(4, "software must flush the write buffer"),
    plmr: bit(5, "protected low-memory region"),
    phmr: bit(6, "protected high-memory region"),
    cm: bit(7, "caching mode: entries that are not present may be cached"),
    sagaw: bits(12, 8, "second-stage widths: bit 1 = 39 bits, bit 2 = 48 bits, bit 3 = 57 bits"),
    mgaw: bits(21, 16, "largest input address, in bits, less one"),
    zlr: bit(22, "zero-length reads of write-only pages"),
    fro: bits(33, 24, "fault recording registers, in units of 16 bytes from the base"),
    sslps: bits(37, 34, "second-stage large pages: bit 0 = 2 MiB, bit 1 = 1 GiB"),
    psi: bit(39, "page-selective invalidation"),
    nfr: bits(47, 40, "number of fault recording registers, less one"),
    mamv: bits(53, 48, "largest address mask of an invalidation"),
    dwd: bit(54, "write draining"),
    drd: bit(55, "read draining"),
    fs1gp: bit(56, "first-stage pages of 1 GiB"),
    pi: bit(59, "posted interrupts"),
    fs5lp: bit(60, "first stage with 5 levels"),
    ecmds: bit(61, "enhanced commands"),
    esirtps: bit(62, "setting the interrupt table pointer invalidates caches"),
    esrtps: bit(63, "setting the root table pointer invalidates caches"),
  },
);

/** VT-d ECAP_REG. */
export const ExtendedCapability = layout(
  {
    title: "VT-d ECAP_REG",
    source: "VT-d 4.1, 11.4.3",
    bitCount: 64,
    ignored: [
      [5, 5],
      [24, 24],
      [28, 27],
    ],
    reserved: [
      [19, 18],
      [32, 32],
      [50, 50],
      [57, 54],
      [63, 59],
    ],
  },
  {
    c: bit(0, "table walks snoop processor caches"),
    qi: bit(1, "queued invalidation"),
    dt: bit(2, "device TLBs (ATS)"),
    ir: bit(3, "interrupt remapping"),
    eim: bit(4, "32-bit interrupt destinations"),
    pt: bit(6, "pass-through"),
    sc: bit(7, "snoop control"),
    iro: bits(17, 8, "IOTLB registers, in units of 16 bytes from the base"),
    mhmv: bits(23, 20, "largest handle mask"),
    mts: bit(25, "memory types"),
    nest: bit(26, "nested translation"),
    prs: bit(29, "page requests"),
    ers: bit(30, "execute requests"),
    srs: bit(31, "supervisor requests"),
    nwfs: bit(33, "the no-write flag of translation requests counts"),
    eafs: bit(34, "extended accessed flag"),
    pss: bits(39, 35, "bits of a PASID, less one"),
    pasid: bit(40, "requests with PASID"),
    dit: bit(41, "device-TLB invalidation throttling"),
    pds: bit(42, "page-request draining"),
    smts: bit(43, "scalable mode"),
    vcs: bit(44, "virtual commands"),
    ssads: bit(45, "second-stage accessed and dirty bits"),
    ssts: bit(46, "second stage in scalable mode"),
    fsts: bit(47, "first stage"),
    smpwcs: bit(48, "scalable-mode walks snoop when told"),
    rps: bit(49, "RID_PASID"),
    pms: bit(51, "performance monitoring"),
    adms: bit(52, "abort-DMA mode"),
    rprivs: bit(53, "RID_PRIV"),
    sms: bit(58, "stop markers"),
  },
);

/** VT-d GSTS_REG. */
export const GlobalStatus = layout(
  { title: "VT-d GSTS_REG", source: "VT-d 4.1, 11.4.4.2", bitCount: 32, reserved: [[22, 0]] },
  {
    cfis: bit(23, "compatibility-format interrupts pass"),
    irtps: bit(24, "the interrupt table pointer is set"),
    ires: bit(25, "interrupts are remapped"),
    qies: bit(26, "queued invalidation is on"),
    wbfs: bit(27, "a write-buffer flush is under way"),
    afls: bit(28, "advanced fault logging is on"),
    fls: bit(29, "the fault log pointer is set"),
    rtps: bit(30, "the root table pointer is set"),
    tes: bit(31, "translation is on"),
  },
);

/** VT-d RTADDR_REG. */
export const RootTableAddress = layout(
  { title: "VT-d RTADDR_REG", source: "VT-d 4.1, 11.4.5", bitCount: 64, reserved: [[9, 0]] },
  {
    ttm: bits(11, 10, "0 = legacy mode; 1 = scalable mode; 2 reserved; 3 = abort-DMA mode"),
    frame: bits<Mfn>(63, 12, "root table"),
  },
);

/** VT-d IRTA_REG. */
export const InterruptTableAddress = layout(
  { title: "VT-d IRTA_REG", source: "VT-d 4.1, 11.4.11.3", bitCount: 64, reserved: [[10, 4]] },
  {
    s: bits(3, 0, "the table has 2^(n+1) entries of 16 bytes"),
    eime: bit(11, "1 = 32-bit destinations"),
    frame: bits<Mfn>(63, 12, "interrupt-remapping table"),
  },
);

/** VT-d FSTS_REG. */
export const FaultStatus = layout(
  { title: "VT-d FSTS_REG", source: "VT-d 4.1, 11.4.7.1", bitCount: 32, reserved: [[31, 16]] },
  {
    pfo: bit(0, "faults were lost"),
    ppf: bit(1, "a fault is recorded"),
    afo: bit(2, "the advanced fault log overflowed"),
    apf: bit(3, "a fault is in the advanced fault log"),
    iqe: bit(4, "the invalidation queue met an error"),
    ice: bit(5, "a device answered an invalidation wrongly"),
    ite: bit(6, "a device did not answer an invalidation in time"),
    pro: bit(7, "the page request queue overflowed (older revisions)"),
    fri: bits(15, 8, "index of the first pending fault record"),
  },
);
