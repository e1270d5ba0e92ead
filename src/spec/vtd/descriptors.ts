/**
 * VT-d descriptors of the invalidation queue, type by type.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, section 6.5.2.1 to 6.5.2.10. Bits 11:9 are the upper part of the
 * type, zero in all that exist. With IQA.DW each takes 32 bytes, of which the upper 16 are reserved.
 */
import type { Dfn } from "../../base/frame.js";
import { address64, bit, bits } from "../../bits/field.js";
import { type About, layout } from "../../bits/layout.js";

/** Values of `type`. */
export const DescriptorType = {
  context: 1,
  iotlb: 2,
  deviceTlb: 3,
  interruptEntry: 4,
  wait: 5,
  pasidIotlb: 6,
  pasidCache: 7,
  pasidDeviceTlb: 8,
  pageGroupResponse: 9,
} as const;
export type DescriptorType = (typeof DescriptorType)[keyof typeof DescriptorType];

const source = (section: string) => `VT-d 4.1, ${section}`;
const type = bits(3, 0, "what is asked for");

/** Context-cache invalidate descriptor. */
export const ContextInvalidate = layout(
  {
    title: "VT-d context-cache invalidate descriptor",
    source: source("6.5.2.1"),
    bitCount: 128,
    reserved: [
      [15, 6],
      [63, 50],
      [127, 64],
    ],
  },
  {
    type,
    g: bits(5, 4, "1 = all; 2 = of one domain; 3 = of one device"),
    did: bits(31, 16, "the domain, for 2 and 3"),
    sid: bits(47, 32, "the device, for 3"),
    fm: bits(49, 48, "function bits of the device that are not compared: 1 = bit 2; 2 = bits 2:1; 3 = all"),
  },
);

/** IOTLB invalidate descriptor. */
export const IotlbInvalidate = layout(
  {
    title: "VT-d IOTLB invalidate descriptor",
    source: source("6.5.2.3"),
    bitCount: 128,
    reserved: [
      [15, 8],
      [63, 32],
      [75, 71],
    ],
  },
  {
    type,
    g: bits(5, 4, "1 = all; 2 = of one domain; 3 = pages of one domain"),
    dw: bit(6, "1 = writes under way are drained first"),
    dr: bit(7, "1 = reads under way are drained first"),
    did: bits(31, 16, "the domain, for 2 and 3"),
    am: bits(69, 64, "2^n pages, for 3"),
    ih: bit(70, "1 = only leaves changed: cached tables may stay"),
    page: bits<Dfn>(127, 76, "the first page, a multiple of 2^am"),
  },
);

/** Device-TLB invalidate descriptor. */
export const DeviceTlbInvalidate = layout(
  {
    title: "VT-d device-TLB invalidate descriptor",
    source: source("6.5.2.5"),
    bitCount: 128,
    reserved: [
      [11, 4],
      [31, 21],
      [51, 48],
      [75, 65],
    ],
  },
  {
    type,
    pfsidLow: bits(15, 12, "physical function that throttling counts for, bits 3:0"),
    mip: bits(20, 16, "so many invalidations the device takes at once; 0 = 32"),
    sid: bits(47, 32, "the device"),
    pfsidHigh: bits(63, 52, "the same, bits 15:4"),
    s: bit(64, "1 = the size is in the address: its lowest zero from bit 12 on"),
    page: bits<Dfn>(127, 76, "pages to forget"),
  },
);

/** Interrupt entry cache invalidate descriptor. */
export const InterruptEntryInvalidate = layout(
  {
    title: "VT-d interrupt entry cache invalidate descriptor",
    source: source("6.5.2.7"),
    bitCount: 128,
    reserved: [
      [26, 5],
      [63, 48],
      [127, 64],
    ],
  },
  {
    type,
    g: bit(4, "0 = all; 1 = by index"),
    im: bits(31, 27, "2^n entries"),
    index: bits(47, 32, "the first of them"),
  },
);

/** Invalidation wait descriptor. */
export const InvalidationWait = layout(
  {
    title: "VT-d invalidation wait descriptor",
    source: source("6.5.2.8"),
    bitCount: 128,
    reserved: [[31, 8]],
  },
  {
    type,
    if: bit(4, "1 = an interrupt tells of it"),
    sw: bit(5, "1 = the status is stored"),
    fn: bit(6, "1 = what follows is fetched when this is done"),
    pd: bit(7, "1 = page requests are drained first"),
    data: bits(63, 32, "the status"),
    at: address64(64, "where the status is stored; bits 1:0 are reserved"),
  },
);

/** PASID-based IOTLB invalidate descriptor. */
export const PasidIotlbInvalidate = layout(
  {
    title: "VT-d PASID-based IOTLB invalidate descriptor",
    source: source("6.5.2.4"),
    bitCount: 128,
    reserved: [
      [15, 6],
      [63, 52],
      [75, 71],
    ],
  },
  {
    type,
    g: bits(5, 4, "2 = all of the PASID; 3 = pages of it"),
    did: bits(31, 16, "the domain"),
    pasid: bits(51, 32, "the PASID"),
    am: bits(69, 64, "2^n pages, for 3"),
    ih: bit(70, "1 = only leaves changed: cached tables may stay"),
    page: bits<Dfn>(127, 76, "the first page, a multiple of 2^am"),
  },
);

/** PASID-cache invalidate descriptor. */
export const PasidCacheInvalidate = layout(
  {
    title: "VT-d PASID-cache invalidate descriptor",
    source: source("6.5.2.2"),
    bitCount: 128,
    reserved: [
      [15, 6],
      [63, 52],
      [127, 64],
    ],
  },
  {
    type,
    g: bits(5, 4, "0 = of one domain; 1 = one PASID of one domain; 3 = all"),
    did: bits(31, 16, "the domain, for 0 and 1"),
    pasid: bits(51, 32, "the PASID, for 1"),
  },
);

/** PASID-based device-TLB invalidate descriptor. */
export const PasidDeviceTlbInvalidate = layout(
  {
    title: "VT-d PASID-based device-TLB invalidate descriptor",
    source: source("6.5.2.6"),
    bitCount: 128,
    reserved: [
      [11, 9],
      [74, 65],
    ],
  },
  {
    type,
    mip: bits(8, 4, "so many invalidations the device takes at once; 0 = 32"),
    pfsidLow: bits(15, 12, "physical function that throttling counts for, bits 3:0"),
    sid: bits(31, 16, "the device"),
    pasid: bits(51, 32, "the PASID"),
    pfsidHigh: bits(63, 52, "the same, bits 15:4"),
    global: bit(64, "1 = of all PASIDs"),
    s: bit(75, "1 = the size is in the address: its lowest zero from bit 12 on"),
    page: bits<Dfn>(127, 76, "pages to forget"),
  },
);

/** Page group response descriptor. */
export const PageGroupResponse = layout(
  {
    title: "VT-d page group response descriptor",
    source: source("7.7.1"),
    bitCount: 128,
    reserved: [
      [11, 5],
      [63, 52],
      [66, 64],
      [127, 76],
    ],
  },
  {
    type,
    pp: bit(4, "1 = the request had a PASID"),
    code: bits(15, 12, "0 = success; 1 = invalid request; 15 = failure"),
    sid: bits(31, 16, "the device"),
    pasid: bits(51, 32, "the PASID"),
    group: bits(75, 67, "index of the group"),
  },
);

/** The layout of each type. */
export const descriptorLayouts: Readonly<Record<number, About>> = {
  [DescriptorType.context]: ContextInvalidate.$,
  [DescriptorType.iotlb]: IotlbInvalidate.$,
  [DescriptorType.deviceTlb]: DeviceTlbInvalidate.$,
  [DescriptorType.interruptEntry]: InterruptEntryInvalidate.$,
  [DescriptorType.wait]: InvalidationWait.$,
  [DescriptorType.pasidIotlb]: PasidIotlbInvalidate.$,
  [DescriptorType.pasidCache]: PasidCacheInvalidate.$,
  [DescriptorType.pasidDeviceTlb]: PasidDeviceTlbInvalidate.$,
  [DescriptorType.pageGroupResponse]: PageGroupResponse.$,
};

/** The type of a descriptor from its first word; bits 11:9 are the type's upper part. */
export const descriptorType = (words: ArrayLike<number>): number => (words[0]! & 15) | (((words[0]! >>> 9) & 7) << 4);

/** Values of IQER.IQEI: what was wrong with the queue. Source: 11.4.9.9. */
export const QueueError = {
  none: 0,
  tail: 1,
  fetch: 2,
  type: 3,
  reserved: 4,
  width: 5,
  tailAlignment: 6,
  mode: 7,
} as const;
export type QueueError = (typeof QueueError)[keyof typeof QueueError];
