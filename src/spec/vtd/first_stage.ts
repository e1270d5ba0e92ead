/**
 * First-stage paging entries of VT-d and of AMD-Vi's v2 tables: both are x86-64 tables, one 64-bit word each.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, section 9.7 (first-stage entries; figures of FS-PML5E to
 * FS-PTE); AMD IOMMU specification 48882, section 2.2.6 (guest tables are those of AMD64, volume 2, section 5.3). The
 * levels PML5E, PML4E, PDPE, PDE, PTE are our levels 4 to 0. Address bits at and above the host address width are
 * reserved too. Bits 62:52 and, for requests that do not execute, bit 63 are not looked at.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

const source = "VT-d 4.1, 9.7";

const common = {
  p: bit(0, "1 = present"),
  rw: bit(1, "1 = writes pass this entry"),
  us: bit(2, "1 = requests with user privilege pass this entry"),
  pwt: bit(3, "page-level write-through"),
  pcd: bit(4, "page-level cache disable"),
  a: bit(5, "accessed, set by hardware"),
  ea: bit(10, "extended accessed, set by hardware when enabled"),
  xd: bit(63, "1 = execute requests are refused; not consulted for plain DMA"),
};
const leaf = { ...common, d: bit(6, "dirty, set by hardware"), g: bit(8, "global") };
const upper = [62, 52] as const;

/** PML5E and PML4E: no leaves here, so the page-size bit is reserved. */
export const FsUpperTable = layout(
  {
    title: "first-stage upper table entry",
    source,
    bitCount: 64,
    ignored: [[6, 6], [9, 8], [11, 11], upper],
    reserved: [[7, 7]],
  },
  { ...common, frame: bits<Mfn>(51, 12, "the next table") },
);

/** PDPE and PDE with PS = 0. */
export const FsTable = layout(
  { title: "first-stage table entry", source, bitCount: 64, ignored: [[6, 6], [9, 8], [11, 11], upper] },
  { ...common, ps: bit(7, "0 = points to a table"), frame: bits<Mfn>(51, 12, "the next table") },
);

/** PDPE with PS = 1. */
export const FsPage1G = layout(
  {
    title: "first-stage 1 GiB page",
    source,
    bitCount: 64,
    ignored: [[9, 9], [11, 11], upper],
    reserved: [[29, 13]],
  },
  {
    ...leaf,
    ps: bit(7, "1 = a page, not a table"),
    pat: bit(12, "page attribute"),
    frame: bits(51, 30, "the page, in units of 1 GiB"),
  },
);

/** PDE with PS = 1. */
export const FsPage2M = layout(
  {
    title: "first-stage 2 MiB page",
    source,
    bitCount: 64,
    ignored: [[9, 9], [11, 11], upper],
    reserved: [[20, 13]],
  },
  {
    ...leaf,
    ps: bit(7, "1 = a page, not a table"),
    pat: bit(12, "page attribute"),
    frame: bits(51, 21, "the page, in units of 2 MiB"),
  },
);

/** PTE: always a page; bit 7 is the page attribute. */
export const FsPage = layout(
  { title: "first-stage page", source, bitCount: 64, ignored: [[9, 9], [11, 11], upper] },
  { ...leaf, pat: bit(7, "page attribute"), frame: bits<Mfn>(51, 12, "the translated frame") },
);
