/**
 * AMD-Vi GCR3 table: from a PASID to the top of its first-stage table.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.2.6.3. One to three levels, each
 * resolving nine bits of the PASID; entries of every level have this form. Addresses are guest physical ones: inputs of
 * the host table when the device's entry names one.
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** AMD-Vi GCR3 table entry. */
export const Gcr3Entry = layout(
  {
    title: "AMD-Vi GCR3 table entry",
    source: "AMD IOMMU 48882, 2.2.6.3",
    bitCount: 64,
    ignored: [[11, 1]],
    reserved: [[63, 52]],
  },
  {
    v: bit(0, "1 = the entry is valid"),
    frame: bits<Mfn>(51, 12, "next GCR3 table, or the top first-stage table"),
  },
);

/** Entries of a GCR3 table. */
export const gcr3TableEntries = 512;
/** PASID bits that one level of GCR3 tables resolves. */
export const gcr3LevelBits = 9;
