/** SMMUv3s of which a stream's entry is replaced, or its context descriptor. */
import { read } from "../../../src/bits/field.js";
import { wordsOf } from "../../../src/hw/iommu/smmuv3/regimes.js";
import type { ReplacedEntry, Side } from "../../../src/lab/replace/replaced_entry.js";
import { smmuContextEntry, smmuStreamEntry } from "../../../src/lab/replace/smmuv3_entries.js";
import { ContextDescriptor } from "../../../src/spec/smmuv3/context_descriptor.js";
import { addressBits, Idr0, Idr1, Idr5 } from "../../../src/spec/smmuv3/registers.js";
import { DefaultSubstream } from "../../../src/spec/smmuv3/stream_table.js";
import { type DescriptorKindName, descriptorOf } from "../../../src/sw/iommu/entry/kinds/smmu_context.js";
import {
  type StreamContents,
  type StreamKind,
  type StreamKindName,
  streamEntry,
  streamKinds,
} from "../../../src/sw/iommu/entry/kinds/smmu_stream.js";
import * as commands from "../../../src/sw/iommu/smmuv3/commands.js";
import { deviceTables, type UnitRoot } from "../../../src/table/device/index.js";
import type { UnderTest } from "../machines.js";
import { cachesOfOneDevice } from "../program/large_caches.js";
import { SmmuProgram } from "../program/smmuv3_program.js";
import { smmuBase } from "../smmuv3_driver.js";
import { unitTemplate } from "../unit_template.js";
import { smmuReplaceKnown } from "./known.js";
import { over } from "./over.js";
import { Pages } from "./pages.js";
import type { ReplacedUnit } from "./replaced_unit.js";

/** IDR0, IDR1, IDR3, IDR5, AIDR... to CR0, GBPA, STRTAB_BASE and its configuration, 32 bits each. */
const registers = [0x00, 0x04, 0x0c, 0x14, 0x18, 0x20, 0x44, 0x80, 0x84, 0x88];
const sides: readonly Side[] = ["old", "new"];
/** log2 of the descriptors of a table: the device has no substreams. */
const one = { max: 0, format: 0 } as const;

export async function smmuReplaced(machine: UnderTest, which: "stream" | "context"): Promise<ReplacedUnit> {
  const unit = await SmmuProgram.of(machine, cachesOfOneDevice);
  const { twin, registers: own } = unit;
  const edu = machine.edus[0]!;
  const sid = edu.requester;
  const template = await unitTemplate(machine.qtest, "smmuv3", smmuBase, registers);
  const root: UnitRoot = { ...template, mode: "linear", root: unit.root };
  const features = {
    overrides: own.read("idr1", Idr1.attrTypesOvr) === 1,
    stalls: own.read("idr0", Idr0.stallModel) !== 1,
  };
  const streamModel = smmuStreamEntry(features);
  const pages = new Pages(machine.ramBase);

  /** By side, as the model numbers them: one number for ASIDs and for VMIDs. */
  const tag = (side: Side) => read(smmuContextEntry.entry("s1", side), 0, ContextDescriptor.asid);
  const sideOf = (side: Side) => {
    const [table, larger, ttb] = [twin.allocate(), twin.allocate(), (twin.allocate() * 4096) / 16];
    const descriptor = { asid: tag(side), ttb };
    for (const frame of [table, larger]) twin.store(frame * 4096, 16, (w) => w.set(descriptorOf("s1", descriptor)));
    const oas = own.read("idr5", Idr5.oas);
    // Four levels, whose table is one frame where the input has more than 39 bits.
    const walks = { ps: oas, tg: 0, sh: 3, or: 1, ir: 1, sl: 2, tsz: 64 - Math.min(addressBits[oas]!, 48) };
    const second = { vmid: tag(side), ttb: (twin.allocate() * 4096) / 16, ...walks };
    const contexts = (frame: number) => ({ table: (frame * 4096) / 64, ...one });
    return { descriptor, second, contexts: contexts(table), otherContexts: contexts(larger), at: table * 4096 };
  };
  const made = { old: sideOf("old"), new: sideOf("new") };
  const contents = (side: Side): StreamContents => ({
    ...made[side],
    otherSecond: made[side === "old" ? "new" : "old"].second,
  });
  const stream = (kind: StreamKindName, side: Side) => streamEntry(streamKinds[kind], contents(side), features);

  const streamAt = unit.entryAt(sid);
  const contextAt = made.old.at;
  const entryAt = which === "stream" ? streamAt : contextAt;
  const away = stream("s1noats", "old");
  /** A descriptor is found through a stream's entry that leads to it. */
  const withIt = (entry: Uint32Array, at = entryAt) =>
    over(
      twin.memory,
      new Map([
        [streamAt, away],
        [at, entry],
      ]),
    );
  const lookUp = (entry: Uint32Array, at: number) => deviceTables.smmuv3.lookup(withIt(entry, at), root, sid, null);
  const ofStream: ReplacedEntry = {
    ...streamModel,
    // Without substreams nothing is said of requests that have none.
    kinds: Object.fromEntries(
      Object.entries<StreamKind>(streamKinds).filter(
        ([, { s1Dss }]) => s1Dss === undefined || s1Dss === DefaultSubstream.substream0,
      ),
    ),
    entry: (kind, side) => stream(kind as StreamKindName, side),
    found: (entry) => lookUp(entry, streamAt),
  };
  const ofContext: ReplacedEntry = {
    ...smmuContextEntry,
    entry: (kind, side) => descriptorOf(kind as DescriptorKindName, made[side].descriptor),
    found: (entry) => lookUp(entry, contextAt),
  };

  for (const side of sides) {
    for (const [kind, stage] of [
      ["s2noats", "second"],
      ["s1noats", "first"],
    ] as const) {
      const found = ofStream.found(stream(kind, side));
      const table = "state" in found ? (stage === "first" ? found.first[0] : found.second) : null;
      if (table === null || table === undefined) continue;
      const mapper = twin.mapper(table);
      pages.map(mapper, stage, side);
      if (stage === "second") pages.mapBelow(mapper, twin.tables);
    }
  }
  const stored = (words: Uint32Array) => ({ kind: "store", address: streamAt, words }) as const;
  await twin.settle();
  unit.state.begin();
  const of = which === "stream" ? ofStream : ofContext;
  return {
    ...{ name: `${unit.name}, ${of.title}`, unit, of, root, codes: "smmuv3", known: smmuReplaceKnown, edu, pages },
    ...{ entryAt, with: withIt },
    home: [stored(stream("bypass", "old"))],
    away: which === "stream" ? [] : [stored(away)],
    forgetAll: [commands.forgetAllStreams(), commands.forgetTranslations()],
    forgetEntry:
      which === "stream"
        ? [[commands.forgetStream(sid)], [commands.forgetAllStreams()]]
        : [[commands.forgetContext(sid)], [commands.forgetStream(sid)]],
    drain: [],
    forgetTag(entry) {
      const found = of.found(entry);
      if (!("state" in found) || found.state !== "translated") return [];
      const descriptor = wordsOf(found.entries, ContextDescriptor.$);
      // Of a first stage alone by its ASID; with a second stage all that is kept of guests.
      return found.stage === "first" && descriptor !== undefined
        ? [commands.forgetSpace(read(descriptor, 0, ContextDescriptor.asid))]
        : [commands.forgetTranslations()];
    },
  };
}
