/**
 * VT-d second-stage paging entries, one 64-bit word each.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, section 9.8 (entries of each level); permissions of a
 * translation are the AND over the levels, section 3.7.1. The document's levels PML5E, PML4E, PDPE, PDE, PTE are our
 * levels 4 to 0. Address bits at and above the host address width are reserved too; that width is the unit's.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

const source = "VT-d 4.1, 9.8";

const permission = {
  r: bit(0, "1 = device reads pass this entry"),
  w: bit(1, "1 = device writes pass this entry"),
  x: bit(2, "1 = execute requests pass; not consulted for plain DMA"),
};
const table = {
  ...permission,
  a: bit(8, "accessed, set by hardware when enabled"),
  frame: bits<Mfn>(51, 12, "the next table"),
};
const leaf = {
  ...permission,
  a: bit(8, "accessed, set by hardware when enabled"),
  d: bit(9, "dirty, set by hardware when enabled"),
  snp: bit(11, "1 = force snooping; reserved where the unit has no snoop control"),
  tm: bit(62, "1 = transient mapping, for device TLBs; reserved where the unit has none"),
};
const leafIgnored = [
  [6, 3],
  [10, 10],
  [61, 52],
  [63, 63],
] as const;

/** PML5E and PML4E: no leaves here, so the page-size bit is reserved. */
export const SsUpperTable = layout(
  {
    title: "VT-d second-stage upper table entry",
    source,
    bitCount: 64,
    ignored: [
      [6, 3],
      [10, 9],
      [61, 52],
      [63, 63],
    ],
    reserved: [
      [7, 7],
      [11, 11],
      [62, 62],
    ],
  },
  table,
);

/** PDPE and PDE with PS = 0. */
export const SsTable = layout(
  {
    title: "VT-d second-stage table entry",
    source,
    bitCount: 64,
    ignored: [
      [6, 3],
      [10, 9],
      [61, 52],
      [63, 63],
    ],
    reserved: [
      [11, 11],
      [62, 62],
    ],
  },
  { ...table, ps: bit(7, "0 = points to a table") },
);

/** PDPE with PS = 1. */
export const SsPage1G = layout(
  { title: "VT-d second-stage 1 GiB page", source, bitCount: 64, ignored: leafIgnored, reserved: [[29, 12]] },
  { ...leaf, ps: bit(7, "1 = a page, not a table"), frame: bits(51, 30, "the page, in units of 1 GiB") },
);

/** PDE with PS = 1. */
export const SsPage2M = layout(
  { title: "VT-d second-stage 2 MiB page", source, bitCount: 64, ignored: leafIgnored, reserved: [[20, 12]] },
  { ...leaf, ps: bit(7, "1 = a page, not a table"), frame: bits(51, 21, "the page, in units of 2 MiB") },
);

/** PTE: always a page; bit 7 is ignored. */
export const SsPage = layout(
  { title: "VT-d second-stage page", source, bitCount: 64, ignored: [[7, 7], ...leafIgnored] },
  { ...leaf, frame: bits<Mfn>(51, 12, "the translated frame") },
);
