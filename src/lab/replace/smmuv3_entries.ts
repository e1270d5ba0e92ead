/** Stream table entries and context descriptors of an SMMUv3 that are replaced, with the structures that they lead to. */
import { read, write } from "../../bits/field.js";
import { tagOf } from "../../hw/iommu/smmuv3/regimes.js";
import { ContextDescriptor } from "../../spec/smmuv3/context_descriptor.js";
import { StreamEntry } from "../../spec/smmuv3/stream_table.js";
import { smmuContext } from "../../sw/iommu/entry/formats/smmu_context.js";
import { smmuStream } from "../../sw/iommu/entry/formats/smmu_stream.js";
import {
  type DescriptorContents,
  type DescriptorKindName,
  descriptorKinds,
  descriptorOf,
} from "../../sw/iommu/entry/kinds/smmu_context.js";
import {
  type StreamFeatures,
  type StreamKindName,
  streamEntry,
  streamKinds,
} from "../../sw/iommu/entry/kinds/smmu_stream.js";
import type { TagName } from "../../sw/iommu/entry/sequences/sequence.js";
import { sameAsid, smmuv3Sequences } from "../../sw/iommu/entry/sequences/smmuv3.js";
import { type Attachment, deviceTables, type UnitRoot } from "../../table/device/index.js";
import { byteOf, mapItself, memoryWith, withEntry } from "./ground.js";
import type { ReplacedEntry, Side } from "./replaced_entry.js";
import type { Tag } from "./view.js";

const stream = 0;
/** Frames of what leads to an entry, and of the tables that it leads to. */
export const smmuPlaces = {
  streams: 1,
  contexts: 2,
  otherContexts: 6,
  second: 8,
  otherSecond: 16,
  first: 24,
  otherFirst: 25,
} as const;
const at = smmuPlaces;
const descriptors: Readonly<Record<Side, DescriptorContents>> = {
  old: { asid: 5, ttb: byteOf(at.first) / 16 },
  new: { asid: 6, ttb: byteOf(at.otherFirst) / 16 },
};
const tags: Readonly<Record<TagName, number>> = { old: 5, new: 6, spare: 7 };
/** A stream's table of descriptors is its own, whatever it is attached to. Its first stage alone has VMID 0. */
const walks = { ps: 5, tg: 0, sh: 3, or: 1, ir: 1, sl: 2, tsz: 16 } as const;
const contents = {
  contexts: { table: byteOf(at.contexts) / 64, max: 5, format: 0 },
  otherContexts: { table: byteOf(at.otherContexts) / 64, max: 6, format: 0 },
  second: { vmid: 0, ttb: byteOf(at.second) / 16, ...walks },
  otherSecond: { vmid: 6, ttb: byteOf(at.otherSecond) / 16, ...walks },
} as const;

const unit: UnitRoot = {
  ...{ kind: "smmuv3", mode: "linear", root: byteOf(at.streams), size: 6, split: 0, registersAt: null },
  ...{ translating: true, interruptRemapping: null, interruptTable: null, outputBits: 48, found: "given", segment: 0 },
};

const memory = memoryWith((m) => {
  mapItself(m, "smmu-s2-4k", at.second, 3);
  mapItself(m, "smmu-s2-4k", at.otherSecond, 3);
  for (const table of [at.contexts, at.otherContexts]) m.store(byteOf(table), descriptorOf("s1", descriptors.old));
  m.store(byteOf(at.streams), streamEntry(streamKinds.s1, contents, { overrides: true, stalls: true }));
});

/** @param features of the unit, which decide how entries are made */
export const smmuStreamEntry = (features: StreamFeatures): ReplacedEntry => ({
  title: "SMMUv3, stream table",
  format: smmuStream,
  widths: { store: 64, fetch: 64 },
  keepsInvalid: true,
  fetchOrder: "any",
  kinds: streamKinds,
  sequences: smmuv3Sequences,
  entry: (kind) => streamEntry(streamKinds[kind as StreamKindName], contents, features),
  retagged(entry, tag) {
    const words = entry.slice();
    if (read(words, 0, StreamEntry.s2Aa64) === 1) write(words, 0, StreamEntry.s2Vmid, tags[tag]);
    return words;
  },
  tagOf: regimeOf,
  found: (entry) => deviceTables.smmuv3.lookup(withEntry(memory, byteOf(at.streams), entry), unit, stream, null),
});

/** VMID, and ASID where there is a first stage. Source: IHI 0070 G, 3.17. */
function regimeOf({ entries, stage, first }: Attachment): Tag {
  const { domain, space } = tagOf(entries, stage !== "second" && first.length > 0, { second: true, e2h: false });
  const all = space === null ? `VMID ${domain}` : `VMID ${domain}, ASID ${space}`;
  return { all, domain: all };
}

export const smmuContextEntry: ReplacedEntry = {
  title: "SMMUv3, context descriptor",
  format: smmuContext,
  widths: { store: 64, fetch: 64 },
  keepsInvalid: true,
  fetchOrder: "any",
  kinds: descriptorKinds,
  sequences: { linux: smmuv3Sequences.linux, "same-asid": sameAsid, copied: smmuv3Sequences.copied },
  entry: (kind, side) => descriptorOf(kind as DescriptorKindName, descriptors[side]),
  retagged(entry, tag) {
    const words = entry.slice();
    if (read(words, 0, ContextDescriptor.v) === 1) write(words, 0, ContextDescriptor.asid, tags[tag]);
    return words;
  },
  tagOf: regimeOf,
  found: (entry) => deviceTables.smmuv3.lookup(withEntry(memory, byteOf(at.contexts), entry), unit, stream, null),
};
