/**
 * AMD-Vi device table entry: 256 bits for each of up to 65,536 device ids.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.2.2.1; the place of the fields of
 * virtualised units (223 to 239) as FreeBSD's amd driver has them.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** AMD-Vi device table entry. */
export const DeviceEntry = layout(
  {
    title: "AMD-Vi device table entry",
    source: "AMD IOMMU 48882, 2.2.2.1",
    bitCount: 256,
    ignored: [[245, 245]],
    reserved: [
      [6, 2],
      [63, 63],
      [181, 180],
      [206, 192],
      [244, 240],
    ],
  },
  {
    v: bit(0, "1 = bits 127:1 count; 0 = addresses pass untranslated"),
    tv: bit(1, "1 = the page table fields count; 0 = DMA is blocked"),
    had: bits(8, 7, "host accessed and dirty bits: 0 none, 1 accessed, 3 both, 2 reserved"),
    mode: bits(11, 9, "levels of the host table; 0 = host addresses are not translated; 7 reserved"),
    frame: bits<Mfn>(51, 12, "top host table"),
    ppr: bit(52, "1 = page requests are taken"),
    gprp: bit(53, "1 = answers to page requests carry the PASID"),
    giov: bit(54, "1 = requests without PASID use the guest table of PASID 0"),
    gv: bit(55, "1 = the guest (first-stage) fields count"),
    glx: bits(57, 56, "levels of the GCR3 table, less one; 3 reserved"),
    gcr3Low: bits(60, 58, "GCR3 table, address bits 14:12"),
    ir: bit(61, "1 = device reads pass"),
    iw: bit(62, "1 = device writes pass"),
    did: bits(79, 64, "domain id, the tag of cached translations"),
    gcr3Middle: bits(95, 80, "GCR3 table, address bits 30:15"),
    i: bit(96, "1 = the device may use its own TLB (ATS)"),
    se: bit(97, "1 = page faults of the device are recorded once"),
    sa: bit(98, "1 = page faults of the device are not recorded"),
    ioctl: bits(100, 99, "port I/O: 0 aborted, 1 forwarded, 2 translated, 3 reserved"),
    cache: bit(101, "hint: do not cache translations of this device's ATS requests"),
    sd: bit(102, "1 = reads of the device need not snoop"),
    ex: bit(103, "1 = the exclusion range passes"),
    sysmgt: bits(105, 104, "system management messages: 0 blocked, 1 and 2 forwarded, 3 translated"),
    sats: bit(106, "1 = ATS is checked (secure ATS)"),
    gcr3High: bits(127, 107, "GCR3 table, address bits 51:31"),
    iv: bit(128, "1 = the interrupt fields count; 0 = interrupts pass"),
    intTabLen: bits(132, 129, "2^n entries of the interrupt table"),
    ig: bit(133, "1 = unmapped interrupts are not recorded"),
    intRoot: bits(179, 134, "interrupt table, address bits 51:6"),
    guestPagingMode: bits(183, 182, "first stage: 0 = 4 levels; 1 = 5 levels; others reserved"),
    initPass: bit(184, "INIT passes"),
    eIntPass: bit(185, "ExtInt passes"),
    nmiPass: bit(186, "NMI passes"),
    hptMode: bit(187, "hint: form of the host table"),
    intCtl: bits(189, 188, "fixed interrupts: 0 blocked, 1 forwarded, 2 remapped, 3 reserved"),
    lint0Pass: bit(190, "LINT0 passes"),
    lint1Pass: bit(191, "LINT1 passes"),
    vImuEn: bit(207, "1 = the device belongs to a virtualised unit"),
    guestDevice: bits(223, 208, "device id in the guest"),
    guest: bits(239, 224, "guest id"),
    attrV: bit(246, "1 = mode0Fc and snoopAttr count"),
    mode0Fc: bit(247, "force coherence where no page table says"),
    snoopAttr: bits(255, 248, "snoop attribute by memory type"),
  },
);

/** Bytes of a device table entry. */
export const deviceEntryBytes = 32;
/** The reserved bits of words 0 to 3 are checked when V is 1, those of words 4 to 7 when IV is 1. */
export const translationWords = 4;
