/**
 * VT-d scalable mode: the PASID directory and the PASID table.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, sections 9.5 (directory entry) and 9.6 (table entry). Bits
 * that older revisions gave to memory types and second-stage execution are fields here: units of those days use them.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VT-d PASID directory entry. */
export const PasidDirectoryEntry = layout(
  { title: "VT-d PASID directory entry", source: "VT-d 4.1, 9.5", bitCount: 64, reserved: [[11, 2]] },
  {
    p: bit(0, "1 = the PASID table exists"),
    fpd: bit(1, "1 = faults of these PASIDs are not recorded"),
    frame: bits<Mfn>(63, 12, "PASID table, 64 entries of 64 bytes"),
  },
);

/** VT-d PASID table entry. */
export const PasidEntry = layout(
  {
    title: "VT-d PASID table entry",
    source: "VT-d 4.1, 9.6",
    bitCount: 512,
    reserved: [
      [11, 10],
      [86, 80],
      [139, 136],
      [255, 192],
      [319, 256],
      [383, 320],
      [447, 384],
      [511, 448],
    ],
  },
  {
    p: bit(0, "1 = the entry is present"),
    fpd: bit(1, "1 = faults of this PASID are not recorded"),
    aw: bits(4, 2, "second stage: 1 = 3 levels, 39 bits; 2 = 4 levels, 48 bits; 3 = 5 levels, 57 bits"),
    slee: bit(5, "1 = the second stage has an execute permission (older revisions)"),
    pgtt: bits(8, 6, "1 = first stage; 2 = second stage; 3 = nested; 4 = pass-through; others reserved"),
    ssade: bit(9, "1 = the second stage's accessed and dirty bits are set by the unit"),
    ssFrame: bits<Mfn>(63, 12, "top second-stage table"),
    did: bits(79, 64, "domain id, the tag of cached translations"),
    pwsnp: bit(87, "1 = table walks snoop processor caches"),
    pgsnp: bit(88, "1 = requests to the pages snoop processor caches"),
    cd: bit(89, "1 = caching disabled"),
    emte: bit(90, "1 = extended memory types"),
    emt: bits(93, 91, "extended memory type of the tables"),
    pwt: bit(94, "write-through of the top table"),
    pcd: bit(95, "no caching of the top table"),
    pat: bits(127, 96, "page attribute table"),
    sre: bit(128, "1 = supervisor requests are taken"),
    ere: bit(129, "1 = execute requests are taken"),
    fspm: bits(131, 130, "first stage: 0 = 4 levels, 48 bits; 1 = 5 levels, 57 bits; others reserved"),
    wpe: bit(132, "1 = supervisor writes obey read-only pages"),
    nxe: bit(133, "1 = no-execute bits count"),
    smep: bit(134, "1 = supervisor may not execute user pages"),
    eafe: bit(135, "1 = the extended accessed flag is set by the unit"),
    fsFrame: bits<Mfn>(191, 140, "top first-stage table; an input of the second stage when nested"),
  },
);

/** Values of PasidEntry.pgtt. */
export const PasidTranslation = { first: 1, second: 2, nested: 3, passThrough: 4 } as const;

/** Bytes of a PASID directory entry. */
export const pasidDirectoryEntryBytes = 8;
/** Bytes of a PASID table entry. */
export const pasidEntryBytes = 64;
/** A PASID table holds this many entries: the low six bits of a PASID. */
export const pasidTableEntries = 64;
