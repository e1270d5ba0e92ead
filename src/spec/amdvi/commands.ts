/**
 * AMD-Vi commands, one by one: 128 bits each, in the command buffer.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.4.1 to 2.4.8. The opcode is in bits 63:60
 * of each. Sizes of ranges stand in the address: see `sizedRange` of the hardware.
 */
import type { Dfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { type About, layout } from "../../bits/layout.js";

/** Values of `opcode`. */
export const Opcode = {
  completionWait: 1,
  invalidateDevice: 2,
  invalidatePages: 3,
  invalidateDeviceTlb: 4,
  invalidateInterrupts: 5,
  prefetch: 6,
  completePageRequest: 7,
  invalidateAll: 8,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** Bytes of a command. */
export const commandBytes = 16;

const source = (section: string) => `AMD IOMMU 48882, ${section}`;
const opcode = bits(63, 60, "what is asked for");
const page = bits<Dfn>(127, 76, "the page; with s, the lowest zero of it says how many pages: 2, 4, 8, ...");
const s = bit(64, "1 = more than one page");
const gn = bit(66, "1 = guest addresses, of the PASID");
const device = bits(15, 0, "device id");

/** COMPLETION_WAIT. */
export const CompletionWait = layout(
  { title: "AMD-Vi COMPLETION_WAIT", source: source("2.4.1"), bitCount: 128, reserved: [[59, 52]] },
  {
    s: bit(0, "1 = the data is stored when all before is done"),
    i: bit(1, "1 = an interrupt when all before is done"),
    f: bit(2, "1 = nothing that follows is begun before"),
    at: bits(51, 3, "where the data is stored, in units of 8 bytes"),
    opcode,
    dataLow: bits(95, 64, "what is stored, bits 31:0"),
    dataHigh: bits(127, 96, "bits 63:32"),
  },
);

/** INVALIDATE_DEVTAB_ENTRY. */
export const InvalidateDevice = layout(
  {
    title: "AMD-Vi INVALIDATE_DEVTAB_ENTRY",
    source: source("2.4.2"),
    bitCount: 128,
    reserved: [
      [59, 16],
      [127, 64],
    ],
  },
  { device, opcode },
);

/** INVALIDATE_IOMMU_PAGES. */
export const InvalidatePages = layout(
  {
    title: "AMD-Vi INVALIDATE_IOMMU_PAGES",
    source: source("2.4.3"),
    bitCount: 128,
    reserved: [
      [31, 20],
      [59, 48],
      [75, 67],
    ],
  },
  {
    pasid: bits(19, 0, "the PASID, with gn"),
    did: bits(47, 32, "the domain"),
    opcode,
    s,
    pde: bit(65, "1 = directory entries of the range as well; 0 = leaves only"),
    gn,
    page,
  },
);

/** INVALIDATE_IOTLB_PAGES. */
export const InvalidateDeviceTlb = layout(
  {
    title: "AMD-Vi INVALIDATE_IOTLB_PAGES",
    source: source("2.4.4"),
    bitCount: 128,
    reserved: [
      [65, 65],
      [67, 67],
      [75, 70],
    ],
  },
  {
    device,
    pasidMiddle: bits(23, 16, "the PASID's bits 15:8, with gn"),
    maxPend: bits(31, 24, "how many may be without an answer at once, of the queue"),
    queue: bits(47, 32, "devices with the same number share what may be without an answer"),
    pasidLow: bits(55, 48, "the PASID's bits 7:0"),
    pasidHigh: bits(59, 56, "the PASID's bits 19:16"),
    opcode,
    s,
    gn,
    kind: bits(69, 68, "type; 0 in what software writes"),
    page,
  },
);

/** INVALIDATE_INTERRUPT_TABLE. */
export const InvalidateInterrupts = layout(
  {
    title: "AMD-Vi INVALIDATE_INTERRUPT_TABLE",
    source: source("2.4.5"),
    bitCount: 128,
    reserved: [
      [59, 16],
      [127, 64],
    ],
  },
  { device, opcode },
);

/** PREFETCH_IOMMU_PAGES. */
export const Prefetch = layout(
  {
    title: "AMD-Vi PREFETCH_IOMMU_PAGES",
    source: source("2.4.6"),
    bitCount: 128,
    reserved: [
      [23, 16],
      [59, 52],
      [65, 65],
      [67, 67],
      [75, 69],
    ],
  },
  {
    device,
    count: bits(31, 24, "pages to be fetched"),
    pasid: bits(51, 32, "the PASID, with gn"),
    opcode,
    s,
    gn,
    inval: bit(68, "1 = what is cached of the pages is forgotten before"),
    page,
  },
);

/** COMPLETE_PPR_REQUEST. */
export const CompletePageRequest = layout(
  {
    title: "AMD-Vi COMPLETE_PPR_REQUEST",
    source: source("2.4.7"),
    bitCount: 128,
    reserved: [
      [31, 16],
      [59, 52],
      [65, 64],
      [95, 67],
      [127, 112],
    ],
  },
  {
    device,
    pasid: bits(51, 32, "the PASID, with gn"),
    opcode,
    gn,
    tag: bits(111, 96, "the request that is answered, and the answer"),
  },
);

/** INVALIDATE_IOMMU_ALL. */
export const InvalidateAll = layout(
  {
    title: "AMD-Vi INVALIDATE_IOMMU_ALL",
    source: source("2.4.8"),
    bitCount: 128,
    reserved: [
      [59, 0],
      [127, 64],
    ],
  },
  { opcode },
);

/** By opcode. */
export const commandLayouts: Readonly<Record<number, About>> = {
  [Opcode.completionWait]: CompletionWait.$,
  [Opcode.invalidateDevice]: InvalidateDevice.$,
  [Opcode.invalidatePages]: InvalidatePages.$,
  [Opcode.invalidateDeviceTlb]: InvalidateDeviceTlb.$,
  [Opcode.invalidateInterrupts]: InvalidateInterrupts.$,
  [Opcode.prefetch]: Prefetch.$,
  [Opcode.completePageRequest]: CompletePageRequest.$,
  [Opcode.invalidateAll]: InvalidateAll.$,
};
