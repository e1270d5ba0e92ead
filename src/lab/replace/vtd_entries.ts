/** Entries of VT-d units that are replaced, with the structures that lead to them. */
import { frameBytes, type Mfn } from "../../base/frame.js";
import { type Field, read, write } from "../../bits/field.js";
import { ContextEntry, ScalableContextEntry } from "../../spec/vtd/context_entry.js";
import { PasidDirectoryEntry, PasidEntry } from "../../spec/vtd/pasid.js";
import { RootEntry, ScalableRootEntry } from "../../spec/vtd/root_entry.js";
import { vtdContext } from "../../sw/iommu/entry/formats/vtd_context.js";
import { vtdPasid } from "../../sw/iommu/entry/formats/vtd_pasid.js";
import { type ContextKindName, contextEntry, contextKinds } from "../../sw/iommu/entry/kinds/vtd_context.js";
import { type PasidKindName, pasidEntry, pasidKinds, sharedDid } from "../../sw/iommu/entry/kinds/vtd_pasid.js";
import type { TagName } from "../../sw/iommu/entry/sequences/sequence.js";
import { vtdContextSequences, vtdSequences } from "../../sw/iommu/entry/sequences/vtd.js";
import { deviceTables, type UnitRoot } from "../../table/device/index.js";
import { byteOf, memoryWith, put, withEntry } from "./ground.js";
import type { ReplacedEntry } from "./replaced_entry.js";
import { domainAndPasid } from "./view.js";

const requester = 0;
/** Frames of what leads to an entry, and of the tables that it leads to, by side; domain ids. */
export const vtdPlaces = {
  ...{ root: 1, context: 2, directory: 3, pasids: 4 },
  old: { did: 5, first: 8, second: 9 },
  new: { did: 6, first: 10, second: 11 },
} as const;
const at = vtdPlaces;
const dids: Readonly<Record<TagName, number>> = { old: 5, new: 6, spare: 7 };

const unit = (mode: "legacy" | "scalable"): UnitRoot => ({
  ...{ kind: "vtd", mode, root: byteOf(at.root), size: frameBytes, split: 0, registersAt: null },
  ...{ translating: true, interruptRemapping: null, interruptTable: null, outputBits: 46, found: "given", segment: 0 },
});

const scalable = memoryWith((m) => {
  put(m, byteOf(at.root), 4, [
    [ScalableRootEntry.lowerP, 1],
    [ScalableRootEntry.lower, at.context as Mfn],
  ]);
  put(m, byteOf(at.context), 8, [
    [ScalableContextEntry.p, 1],
    [ScalableContextEntry.frame, at.directory],
  ]);
  put(m, byteOf(at.directory), 2, [
    [PasidDirectoryEntry.p, 1],
    [PasidDirectoryEntry.frame, at.pasids],
  ]);
});

const legacy = memoryWith((m) =>
  put(m, byteOf(at.root), 4, [
    [RootEntry.p, 1],
    [RootEntry.frame, at.context],
  ]),
);

/** The same entry under another domain id, where it counts. */
function retagged(entry: Uint32Array, did: Field, present: Field, tag: TagName): Uint32Array {
  const words = entry.slice();
  // What all share stays what it is.
  if (read(words, 0, present) === 1 && read(words, 0, did) !== sharedDid) write(words, 0, did, dids[tag]);
  return words;
}

export const vtdPasidEntry: ReplacedEntry = {
  title: "VT-d, scalable mode",
  format: vtdPasid,
  widths: { store: 128, fetch: 128 },
  keepsInvalid: false,
  fetchOrder: "ascending",
  kinds: pasidKinds,
  sequences: vtdSequences,
  entry: (kind, side) => pasidEntry(kind as PasidKindName, at[side]),
  retagged: (entry, tag) => retagged(entry, PasidEntry.did, PasidEntry.p, tag),
  tagOf: domainAndPasid,
  found: (entry) =>
    deviceTables.vtd.lookup(withEntry(scalable, byteOf(at.pasids), entry), unit("scalable"), requester, null),
};

export const vtdContextEntry: ReplacedEntry = {
  title: "VT-d, legacy mode",
  format: vtdContext,
  widths: { store: 128, fetch: 128 },
  keepsInvalid: false,
  fetchOrder: "ascending",
  kinds: contextKinds,
  sequences: vtdContextSequences,
  entry(kind, side) {
    const { did, second: table } = at[side];
    return contextEntry(kind as ContextKindName, { did, table, ats: true });
  },
  retagged: (entry, tag) => retagged(entry, ContextEntry.did, ContextEntry.p, tag),
  tagOf: domainAndPasid,
  found: (entry) =>
    deviceTables.vtd.lookup(withEntry(legacy, byteOf(at.context), entry), unit("legacy"), requester, null),
};
