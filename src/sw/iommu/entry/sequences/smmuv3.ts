/**
 * How stream table entries of an SMMUv3 are replaced: by Linux, then and now, and by Xen.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_write_entry; before 7da51af9125c
 * arm_smmu_write_strtab_ent, which is what Xen has; 2781f2a930ab for the bits that are harmless).
 */

import { StreamEntry as E, StreamConfig } from "../../../../spec/smmuv3/stream_table.js";
import { entryOf } from "../fields.js";
import { writeEntry } from "../write_entry.js";
import { flush, type Sequence, storeEach, sync, written } from "./sequence.js";

const blocked = entryOf(E.$, [
  [E.v, 1],
  [E.config, StreamConfig.abort],
]);
/** The second and third stage of it: first what the first word makes count, then that word. */
const installed = (to: Uint32Array) => [...storeEach(to, 1, 3), sync, ...storeEach(to, 0, 1), sync];

export const smmuv3Sequences = {
  linux: { ...written, title: "the writer of entries", source: "Linux 7.0, arm_smmu_write_entry", ships: true },
  "linux-2024": {
    title: "the writer, to which every bit that is used decides",
    source: "Linux 6.9 to 6.18, before 2781f2a930ab",
    steps: ({ format, from, to, widths }) => [
      ...writeEntry({ ...format, harmless: [] }, from, to, widths).steps,
      flush("old"),
    ],
  },
  xen: {
    title: "blocked first, word after word, then set up",
    source: "Xen 4.20, arm_smmu_write_strtab_ent",
    kinds: ["abort", "bypass", "s2", "s2noats", "s2other"],
    ships: true,
    steps: ({ to }) => [...storeEach(blocked, 0, 3), sync, flush("old"), ...installed(to)],
  },
  "blocked-first": {
    title: "blocked first, then the writer",
    source: "what the forced detach of older cores comes to",
    steps: ({ format, from, to, widths }) => [
      ...writeEntry(format, from, blocked, widths).steps,
      flush("old"),
      ...writeEntry(format, blocked, to, widths).steps,
    ],
  },
  copied: {
    title: "copied over the old one",
    source: "what no kernel does: the plain copy",
    steps: ({ to }) => [...storeEach(to), sync, flush("old")],
  },
} as const satisfies Readonly<Record<string, Sequence>>;

/** Of context descriptors: one store is enough where the address space keeps its number. */
export const sameAsid: Readonly<Sequence> = {
  title: "under the old address space id, of which this descriptor is the only user",
  source: "D4, Gunthorpe, of VT-d's DIDs; Linux 7.0, arm_smmu_write_ctx_desc of an ASID that stays",
  endsWith: "old",
  steps: ({ format, from, to, widths, retagged }) => [
    ...writeEntry(format, from, retagged(to, "old"), widths).steps,
    flush("old"),
  ],
};
