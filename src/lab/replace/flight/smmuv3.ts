/** An SMMUv3 whose stream table entry, or whose context descriptor, is replaced under way. */
import { composed } from "../../../bits/composed.js";
import { SmmuUnit } from "../../../hw/iommu/smmuv3/smmu_unit.js";
import { Memory } from "../../../mem/memory.js";
import * as C from "../../../spec/smmuv3/command_layouts.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import { Idr0, Idr1, Idr5 } from "../../../spec/smmuv3/registers.js";
import { MachineState } from "../../../state/index.js";
import type { TagName } from "../../../sw/iommu/entry/sequences/sequence.js";
import { byteOf } from "../ground.js";
import { smmuContextEntry, smmuPlaces, smmuStreamEntry } from "../smmuv3_entries.js";
import { CommandPoster } from "./command_poster.js";
import { flightFrames, mapped, throughItself } from "./tables.js";
import { type Flight, type FlightHardware, type FlightUnit, pages, written } from "./unit.js";

const { registers: at } = smmuRegisters;
const [queueAt, eventsAt] = [byteOf(4), byteOf(5)];
const queueLg2 = 4;
const stream = 0;
const features = { overrides: true, stalls: true };
const sync = composed(4, [[C.Sync.op, C.Command.sync]]);
const forgetEntry = [
  composed(4, [
    [C.SteInvalidate.op, C.Command.ste],
    [C.SteInvalidate.sid, stream],
    [C.SteInvalidate.leaf, 1],
  ]),
  composed(4, [
    [C.CdInvalidate.op, C.Command.cdAll],
    [C.CdInvalidate.sid, stream],
  ]),
];
/** What is kept of first and of second stages: all of it, whose tag does not matter where few are. */
const forgetAll = [composed(4, [[C.NsnhAll.op, C.Command.nsnhAll]])];

const identification = {
  idr0: composed(
    1,
    [Idr0.s1p, Idr0.s2p, Idr0.cohacc, Idr0.ats, Idr0.asid16, Idr0.vmid16].map((f) => [f, 1] as const),
  )[0]!,
  idr1: composed(1, [
    [Idr1.sidSize, 6],
    [Idr1.ssidSize, 6],
    [Idr1.cmdqs, queueLg2],
    [Idr1.eventqs, queueLg2],
  ])[0]!,
  idr3: 0,
  idr5: composed(1, [
    [Idr5.oas, 5],
    [Idr5.gran4k, 1],
  ])[0]!,
};

function build(which: "stream" | "context", { fetchBits = 64 }: FlightHardware): FlightUnit {
  const state = new MachineState({});
  const memory = new Memory(flightFrames);
  for (let n = 0; n < flightFrames; n++) memory.store32(byteOf(n), 0);
  const unit = new SmmuUnit({
    ...{ state, memory, identification, messages: { send: () => undefined }, fetchBits },
    caches: { devices: 1, spaces: 1, tables: 1, translations: 2 },
  });
  const map = mapped(memory, 64);
  for (const [top, side] of [
    [smmuPlaces.first, "old"],
    [smmuPlaces.otherFirst, "new"],
  ] as const)
    map("smmu-s1-4k", top, "zero", [
      [written.apart, pages.first[side]],
      [written.alike, written.alike],
    ]);
  map("smmu-s2-4k", smmuPlaces.second, "zero", throughItself(pages.second.old));
  map("smmu-s2-4k", smmuPlaces.otherSecond, "zero", throughItself(pages.second.new));
  for (const table of [smmuPlaces.contexts, smmuPlaces.otherContexts])
    memory.store(byteOf(table), smmuContextEntry.entry("s1", "old"));
  memory.store(byteOf(smmuPlaces.streams), smmuStreamEntry(features).entry("s1", "old"));
  const { registers } = unit;
  registers.write64(at.strtabBase.offset, byteOf(smmuPlaces.streams), 0);
  registers.write32(at.strtabBaseCfg.offset, 6);
  registers.write64(at.cmdqBase.offset, queueAt + queueLg2, 0);
  registers.write64(at.eventqBase.offset, eventsAt + queueLg2, 0);
  // Translation, events and commands.
  registers.write32(at.cr0.offset, 0xd);
  const poster = new CommandPoster({ state, memory, queueAt, bytes: 16, slots: 2 ** queueLg2 });
  return {
    ...{ state, memory, requester: stream, transaction: unit.transactions[0]!, actors: [unit.queue] },
    neighbour: null,
    evict() {
      unit.caches.devices.invalidate({});
      unit.caches.spaces.invalidate({});
    },
    entryAt: byteOf(which === "stream" ? smmuPlaces.streams : smmuPlaces.contexts),
    ask(what: "entry" | TagName) {
      poster.post([...(what === "entry" ? forgetEntry : forgetAll), sync]);
      registers.write32(at.cmdqProd.offset, poster.index);
    },
    isAnswered: () => (registers.get("cmdqCons") & 0xf_ffff) === poster.index,
  };
}

/** By the kind of a stream: a page, the frame itself, or nothing. */
const ofStream: Readonly<Record<string, number | "itself" | null>> = {
  ...{ abort: null, s1term: null, bypass: "itself", s1dssbyp: "itself" },
  ...{
    s1: pages.first.old,
    s1larger: pages.first.old,
    s1noats: pages.first.old,
    nested: pages.first.old,
    nestedother: pages.first.old,
  },
  ...{ s2: pages.second.old, s2noats: pages.second.old, s2stall: pages.second.old, nestedbyp: pages.second.old },
  s2other: pages.second.new,
};

export const smmuFlight: Flight = {
  of: smmuStreamEntry(features),
  build: (o) => build("stream", o),
  leads(kind, _, frame) {
    const to = ofStream[kind]!;
    if (to === null) return null;
    return to === "itself" || frame === written.alike ? frame : to;
  },
};

export const smmuContextFlight: Flight = {
  of: smmuContextEntry,
  build: (o) => build("context", o),
  leads(kind, side, frame) {
    if (kind === "clear" || kind === "released") return null;
    return frame === written.alike ? frame : pages.first[side];
  },
};
