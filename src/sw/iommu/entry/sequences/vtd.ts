/**
 * How entries of VT-d's PASID tables are replaced: by Linux, then and now, and as was proposed.
 *
 * Source: Linux drivers/iommu/intel/pasid.c (intel_pasid_tear_down_entry, pasid_pte_config_*; intel_pasid_replace_* of 6.13 to
 * 6.19, removed by c3b1edea3791; 75ed00055c05 for what tear-down did before); D4 for the tags; VT-d 4.1, 6.5.3.3.
 */
import { read, write } from "../../../../bits/field.js";
import { PasidEntry as E, PasidTranslation } from "../../../../spec/vtd/pasid.js";
import { writeEntry } from "../write_entry.js";
import { flush, type Replaced, type ReplaceStep, type Sequence, store, storeEach, sync, written } from "./sequence.js";

const ofSecond: readonly number[] = [PasidTranslation.second, PasidTranslation.nested];

/** Not present, and all else as it was. */
function absent({ format, from }: Replaced): Uint32Array {
  const entry = from.slice();
  write(entry, 0, format.present, 0);
  return entry;
}

const isPresent = ({ format }: Replaced, entry: Uint32Array) =>
  (entry[format.present.word]! & (1 << format.present.shift)) !== 0;

/** All but that it is present, then that. */
function setUp(o: Replaced): readonly ReplaceStep[] {
  if (!isPresent(o, o.to)) return [];
  const unready = o.to.slice();
  write(unready, 0, o.format.present, 0);
  return [...storeEach(unready), store(0, o.to.slice(0, 2))];
}

const tearDown = (o: Replaced): readonly ReplaceStep[] =>
  isPresent(o, o.from)
    ? [store(0, absent(o).slice(0, 2)), sync, flush("old"), ...storeEach(new Uint32Array(o.from.length))]
    : [];

/** First stages and pass-through are one group of entries, second stages and both stages the other. */
const isOfSecond = (entry: Uint32Array) => read(entry, 0, E.p) === 1 && ofSecond.includes(read(entry, 0, E.pgtt));

/** Source: VT-d 4.1, 6.2.3.1, as Linux drivers/iommu/intel/pasid.h has it of FLPT_DEFAULT_DID. */
function ofOtherGroup(from: Uint32Array, to: Uint32Array): string | null {
  const both = [from, to].every((entry) => read(entry, 0, E.p) === 1);
  if (!both || isOfSecond(from) === isOfSecond(to)) return null;
  return "VT-d 6.2.3.1 asks for a domain id of first-stage and pass-through entries that no second-stage or nested entry has, even where this entry is its only user: a unit keeps the translations of the former by domain id and PASID, those of the latter by domain id alone (6.2.5), and forgets each by descriptors of their own (6.5.2), so that of one id for both a look-up or a flush may meet the other's, or miss its own";
}

export const vtdSequences = {
  linux: {
    title: "torn down, then set up",
    source: "Linux 7.0, intel_pasid_tear_down_entry and intel_pasid_setup_*",
    ships: true,
    steps: (o) => [...tearDown(o), ...setUp(o)],
  },
  written,
  "same-did": {
    title: "under the old domain id, of which this entry is the only user",
    source: "D4, Gunthorpe: use the same DID for the new and old tables",
    endsWith: "old",
    forbids: ofOtherGroup,
    steps: ({ format, from, to, widths, retagged }) => [
      ...writeEntry(format, from, retagged(to, "old"), widths).steps,
      flush("old"),
    ],
  },
  "spare-did": {
    title: "under a domain id of its own in between",
    source: "D4, Gunthorpe: a temporary DID that can be safely corrupted",
    forbids: ofOtherGroup,
    steps: ({ format, from, to, widths, retagged }) => [
      ...writeEntry(format, from, retagged(from, "spare"), widths).steps,
      flush("old"),
      ...writeEntry(format, retagged(from, "spare"), retagged(to, "spare"), widths).steps,
      flush("spare"),
      ...writeEntry(format, retagged(to, "spare"), to, widths).steps,
      flush("spare"),
    ],
  },
  "non-present": {
    title: "made absent for the duration of the update",
    source: "D4, Gunthorpe: VT-d drivers make the PASID invalid; VT-d 4.1, 6.5.3.3",
    steps: (o) => {
      const nothing = new Uint32Array(o.from.length);
      const { format, from, to, widths } = o;
      return [
        ...writeEntry(format, from, nothing, widths).steps,
        flush("old"),
        ...writeEntry(format, nothing, to, widths).steps,
      ];
    },
  },
  exchange: {
    title: "one exchange of the first 128 bits, the rest before it",
    source: "VT-d 4.1, 9.6: what decides stands in 128 bits; Yi Liu and Kevin Tian in D4",
    kinds: ["pt", "ss"],
    steps: ({ from, to }) => [
      ...(to.every((word, n) => n < 4 || word === from[n]) ? [] : storeEach(to, 2)),
      ...[store(0, to.slice(0, 4)), sync, flush("old")],
    ],
  },
  "linux-in-place": {
    title: "the whole entry copied over the old one",
    source: "Linux 6.13 to 6.19, intel_pasid_replace_* (CVE-2026-45945)",
    kinds: ["pt", "ss", "fs", "sva", "nested"],
    steps: ({ to }) => [...storeEach(to), sync, flush("old")],
  },
  "linux-zeroed": {
    title: "zeroed while it is present, then set up",
    source: "Linux before 75ed00055c05 (CVE-2026-45894)",
    steps: (o) => [...storeEach(new Uint32Array(o.from.length)), sync, flush("old"), ...setUp(o)],
  },
} as const satisfies Readonly<Record<string, Sequence>>;

/** A context entry of legacy mode is stored at once. Source: Xen drivers/passthrough/vtd/iommu.c, since XSA-400. */
export const vtdContextSequences = {
  linux: vtdSequences.linux,
  xen: {
    title: "one exchange of 128 bits",
    source: "Xen 4.17, domain_context_mapping_one",
    ships: true,
    steps: ({ to }) => [store(0, to), sync, flush("old")],
  },
  "non-present": vtdSequences["non-present"],
} as const satisfies Readonly<Record<string, Sequence>>;
