/**
 * SMMUv3 context descriptors (CD): the first-stage tables of a stream or of one of its substreams.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, sections 5.3 (L1CD) and 5.4 (CD). Reserved bits are not
 * checked by the unit.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** SMMUv3 level 1 context descriptor. */
export const L1ContextDescriptor = layout(
  {
    title: "SMMUv3 level 1 context descriptor",
    source: "IHI 0070 G, 5.3",
    bitCount: 64,
    reserved: [
      [11, 1],
      [63, 56],
    ],
  },
  {
    v: bit(0, "1 = the second-level table exists"),
    frame: bits<Mfn>(55, 12, "table of context descriptors"),
  },
);

/** SMMUv3 context descriptor. */
export const ContextDescriptor = layout(
  {
    title: "SMMUv3 context descriptor",
    source: "IHI 0070 G, 5.4",
    bitCount: 512,
    ignored: [
      [351, 320],
      [383, 352],
      [447, 384],
      [511, 448],
    ],
    reserved: [
      [121, 120],
      [185, 184],
    ],
  },
  {
    t0sz: bits(5, 0, "64 - n bits of input are translated by TTB0"),
    tg0: bits(7, 6, "granule of TTB0: 0 4 KiB; 1 64 KiB; 2 16 KiB"),
    ir0: bits(9, 8, "inner cacheability of walks"),
    or0: bits(11, 10, "outer cacheability of walks"),
    sh0: bits(13, 12, "shareability of walks"),
    epd0: bit(14, "1 = no walks through TTB0"),
    endi: bit(15, "1 = big-endian tables"),
    t1sz: bits(21, 16, "64 - n bits of input are translated by TTB1"),
    tg1: bits(23, 22, "granule of TTB1: 1 16 KiB; 2 4 KiB; 3 64 KiB"),
    ir1: bits(25, 24, "inner cacheability of walks"),
    or1: bits(27, 26, "outer cacheability of walks"),
    sh1: bits(29, 28, "shareability of walks"),
    epd1: bit(30, "1 = no walks through TTB1"),
    v: bit(31, "1 = the descriptor is valid"),
    ips: bits(34, 32, "output bits: 0 32; 1 36; 2 40; 3 42; 4 44; 5 48; 6 52; 7 56"),
    affd: bit(35, "1 = the access flag never faults"),
    wxn: bit(36, "writable pages may not be executed"),
    uwxn: bit(37, "pages writable for users may not be executed by others"),
    tbi0: bit(38, "1 = the top byte of TTB0's addresses is ignored"),
    tbi1: bit(39, "1 = the top byte of TTB1's addresses is ignored"),
    pan: bit(40, "privileged access never"),
    aa64: bit(41, "1 = 64-bit descriptors"),
    hd: bit(42, "the unit sets dirty state"),
    ha: bit(43, "the unit sets access flags"),
    s: bit(44, "faults stall"),
    r: bit(45, "faults are recorded"),
    a: bit(46, "faults abort"),
    aset: bit(47, "1 = the ASID is the unit's own"),
    asid: bits(63, 48, "address space id, the tag of cached translations"),
    nscfg0: bit(64, "secure streams: TTB0 is non-secure"),
    had0: bit(65, "1 = permissions in tables of TTB0 are ignored"),
    e0pd0: bit(66, "no unprivileged access through TTB0"),
    haft: bit(67, "access flags of tables"),
    ttb0: bits(119, 68, "table of low addresses, in units of 16 bytes"),
    pnch: bit(122, "protected attribute"),
    epan: bit(123, "enhanced privileged access never"),
    hwu0: bits(127, 124, "hardware use of bits 62:59"),
    nscfg1: bit(128, "secure streams: TTB1 is non-secure"),
    had1: bit(129, "1 = permissions in tables of TTB1 are ignored"),
    e0pd1: bit(130, "no unprivileged access through TTB1"),
    aie: bit(131, "attribute extension"),
    ttb1: bits(183, 132, "table of high addresses, in units of 16 bytes"),
    ds: bit(186, "1 = 52-bit addresses with small granules"),
    pie: bit(187, "permission indirection"),
    hwu1: bits(191, 188, "hardware use of bits 62:59"),
    mair0: bits(223, 192, "memory attributes 0 to 3"),
    mair1: bits(255, 224, "memory attributes 4 to 7"),
    amair0: bits(287, 256, "auxiliary memory attributes"),
    amair1: bits(319, 288, "auxiliary memory attributes"),
  },
);

/** Bytes of a context descriptor. */
export const contextDescriptorBytes = 64;
/** Bytes of a level 1 context descriptor. */
export const l1ContextDescriptorBytes = 8;
