/**
 * What an AMD-Vi unit looks at in an entry of a GCR3 table: the tables of one PASID.
 *
 * Source: AMD IOMMU 48882, 2.2.6.3.
 */
import { read } from "../../../../bits/field.js";
import { Gcr3Entry as E } from "../../../../spec/amdvi/guest_cr3.js";
import type { EntryFormat } from "../entry_format.js";

export const amdviGcr3: Readonly<EntryFormat> = {
  about: E.$,
  present: E.v,
  blocking: [],
  uses: [{ fields: [E.v] }, { when: (e) => read(e, 0, E.v) === 1, fields: [E.frame] }],
  harmless: [],
};
