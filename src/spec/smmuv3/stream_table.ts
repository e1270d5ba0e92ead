/**
 * SMMUv3 stream table: first-level descriptor and stream table entry (STE).
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, sections 5.1 (L1STD) and 5.2 (STE). Reserved bits are not
 * checked by the unit.
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** SMMUv3 level 1 stream table descriptor. */
export const L1StreamDescriptor = layout(
  {
    title: "SMMUv3 level 1 stream table descriptor",
    source: "IHI 0070 G, 5.1",
    bitCount: 64,
    reserved: [
      [5, 5],
      [63, 56],
    ],
  },
  {
    span: bits(4, 0, "0 = these streams are invalid; 1 to 11 = 2^(n-1) entries; others count as 0"),
    l2: bits(55, 6, "second-level table, in units of 64 bytes; aligned to its size by the unit"),
  },
);

/** SMMUv3 stream table entry. */
export const StreamEntry = layout(
  {
    title: "SMMUv3 stream table entry",
    source: "IHI 0070 G, 5.2",
    bitCount: 512,
    ignored: [
      [87, 84],
      [127, 116],
      [159, 144],
      [271, 256],
      [319, 288],
      [383, 320],
      [447, 384],
      [511, 448],
    ],
    reserved: [
      [58, 56],
      [107, 105],
      [252, 248],
      [255, 255],
    ],
  },
  {
    v: bit(0, "1 = the entry is valid"),
    config: bits(3, 1, "0 to 3 abort; 4 bypass; 5 first stage; 6 second stage; 7 both"),
    s1Fmt: bits(5, 4, "context descriptors: 0 linear; 1 two-level, 4 KiB leaves; 2 two-level, 64 KiB leaves"),
    s1Context: bits(55, 6, "context descriptor table, in units of 64 bytes; an input of stage 2 when both translate"),
    s1CdMax: bits(63, 59, "2^n context descriptors; 0 = one, and no substreams"),
    s1Dss: bits(65, 64, "without substream: 0 abort; 1 bypass stage 1; 2 use substream 0"),
    s1Cir: bits(67, 66, "inner cacheability of descriptor reads"),
    s1Cor: bits(69, 68, "outer cacheability of descriptor reads"),
    s1Csh: bits(71, 70, "shareability of descriptor reads"),
    s2Hwu59: bit(72, "hardware use of bit 59"),
    s2Hwu60: bit(73, "hardware use of bit 60"),
    s2Hwu61: bit(74, "hardware use of bit 61"),
    s2Hwu62: bit(75, "hardware use of bit 62"),
    dre: bit(76, "destructive reads"),
    cont: bits(80, 77, "2^n neighbouring entries are alike"),
    dcp: bit(81, "directed cache prefetch"),
    ppar: bit(82, "automatic page responses carry the PASID"),
    mev: bit(83, "events may be merged"),
    s1Pie: bit(88, "permission indirection"),
    s2Fwb: bit(89, "stage 2 decides the memory type"),
    s1Mpam: bit(90, "stage 1 decides MPAM ids"),
    s1StallD: bit(91, "1 = stage 1 may not stall"),
    eats: bits(93, 92, "ATS: 0 refused; 1 full; 2 stage 1 only; 3 full with device permission checks"),
    strw: bits(95, 94, "StreamWorld: 0 EL1; 2 EL2; odd values are illegal"),
    memAttr: bits(99, 96, "memory attribute override"),
    mtCfg: bit(100, "1 = memAttr counts"),
    allocCfg: bits(104, 101, "allocation hints"),
    shCfg: bits(109, 108, "shareability override"),
    nsCfg: bits(111, 110, "non-secure override"),
    privCfg: bits(113, 112, "privilege override"),
    instCfg: bits(115, 114, "instruction override"),
    s2Vmid: bits(143, 128, "virtual machine id, the tag of cached translations"),
    s2T0sz: bits(165, 160, "64 - n bits of input are translated by stage 2"),
    s2Sl0: bits(167, 166, "level at which stage 2 starts; its meaning depends on the granule"),
    s2Ir0: bits(169, 168, "inner cacheability of table walks"),
    s2Or0: bits(171, 170, "outer cacheability of table walks"),
    s2Sh0: bits(173, 172, "shareability of table walks"),
    s2Tg: bits(175, 174, "granule: 0 4 KiB; 1 64 KiB; 2 16 KiB"),
    s2Ps: bits(178, 176, "output bits: 0 32; 1 36; 2 40; 3 42; 4 44; 5 48; 6 52; 7 56"),
    s2Aa64: bit(179, "1 = 64-bit descriptors"),
    s2Endi: bit(180, "1 = big-endian tables"),
    s2Affd: bit(181, "1 = the access flag never faults"),
    s2Ptw: bit(182, "1 = table walks through device memory fault"),
    s2Hd: bit(183, "the unit sets dirty state"),
    s2Ha: bit(184, "the unit sets access flags"),
    s2S: bit(185, "faults stall"),
    s2R: bit(186, "faults are recorded"),
    s2Haft: bit(187, "access flags of tables"),
    s2Pie: bit(188, "permission indirection"),
    s2Poe: bit(189, "permission overlays"),
    dptVmatch: bits(191, 190, "virtual machine match of device permission checks"),
    s2Nsw: bit(192, "secure streams: walks are non-secure"),
    s2Nsa: bit(193, "secure streams: outputs are non-secure"),
    s2Sl0Bit2: bit(194, "bit 2 of s2Sl0"),
    s2Ds: bit(195, "1 = 52-bit addresses with small granules"),
    s2Ttb: bits(247, 196, "stage 2 table, in units of 16 bytes"),
    s2Skl: bits(254, 253, "levels skipped"),
    partId: bits(287, 272, "MPAM partition"),
  },
);

/** Values of StreamEntry.config; all below `bypass` abort. */
export const StreamConfig = { abort: 0, bypass: 4, first: 5, second: 6, nested: 7 } as const;
/** Values of StreamEntry.s1Dss. */
export const DefaultSubstream = { terminate: 0, bypass: 1, substream0: 2 } as const;

/** Bytes of a stream table entry. */
export const streamEntryBytes = 64;
/** Bytes of a level 1 stream table descriptor. */
export const l1StreamDescriptorBytes = 8;
/** Larger spans count as 0. */
export const spanMax = 11;
