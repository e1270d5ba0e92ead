/**
 * AMD-Vi v1 host table entries, one 64-bit word each, the same at every level.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.2.3 (I/O page tables for host
 * translations: the figures of PDE and PTE, the tables of their fields, of page size encodings and of level
 * parameters). The document's levels 6 to 1 are our levels 5 to 0. A set reserved bit is an IO_PAGE_FAULT with RZ.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

const source = "AMD IOMMU 48882, 2.2.3";

/** NextLevel 1 to 6: points to a table of that level, which may lie more than one level below. */
export const V1Table = layout(
  {
    title: "AMD-Vi v1 directory entry",
    source,
    bitCount: 64,
    ignored: [
      [4, 1],
      [8, 6],
      [63, 63],
    ],
    reserved: [[60, 52]],
  },
  {
    pr: bit(0, "1 = present"),
    a: bit(5, "accessed"),
    next: bits(11, 9, "level of the table pointed to, 1 to 6"),
    frame: bits<Mfn>(51, 12, "the next table"),
    ir: bit(61, "1 = device reads pass this entry"),
    iw: bit(62, "1 = device writes pass this entry"),
  },
);

/**
 * NextLevel 0: a page of its level's own size. NextLevel 7: a larger page, whose size stands in the address: the
 * lowest address bits are ones up to the first zero, and the page is twice as large as that zero bit's weight.
 */
export const V1Page = layout(
  {
    title: "AMD-Vi v1 page",
    source,
    bitCount: 64,
    ignored: [
      [4, 1],
      [8, 7],
      [63, 63],
    ],
    reserved: [[58, 52]],
  },
  {
    pr: bit(0, "1 = present"),
    a: bit(5, "accessed"),
    d: bit(6, "dirty"),
    next: bits(11, 9, "0 = the level's own size; 7 = the size stands in the address"),
    frame: bits<Mfn>(51, 12, "the translated frame, with the size in its low bits when next is 7"),
    u: bit(59, "attribute handed to devices by ATS"),
    fc: bit(60, "1 = force coherent"),
    ir: bit(61, "1 = device reads pass this entry"),
    iw: bit(62, "1 = device writes pass this entry"),
  },
);

/** Values of `next` that make an entry a page. */
export const V1NextLevel = { ownSize: 0, encodedSize: 7 } as const;
