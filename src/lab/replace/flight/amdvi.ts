/** An AMD-Vi unit whose device table entry is replaced under way. */
import { composed } from "../../../bits/composed.js";
import { AmdviUnit } from "../../../hw/iommu/amdvi/amdvi_unit.js";
import { Memory } from "../../../mem/memory.js";
import { CompletionWait, InvalidateDevice, InvalidatePages, Opcode } from "../../../spec/amdvi/commands.js";
import { Gcr3Entry } from "../../../spec/amdvi/guest_cr3.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import { Control, ExtendedFeatures } from "../../../spec/amdvi/registers.js";
import { MachineState } from "../../../state/index.js";
import type { TagName } from "../../../sw/iommu/entry/sequences/sequence.js";
import { amdviDeviceEntry, amdviPlaces } from "../amdvi_entries.js";
import { byteOf, put } from "../ground.js";
import { CommandPoster } from "./command_poster.js";
import { flightFrames, mapped, throughItself } from "./tables.js";
import { type Flight, type FlightHardware, type FlightUnit, pages, written } from "./unit.js";

const { registers: at } = amdviRegisters;
const [queueAt, statusAt, eventsAt] = [byteOf(2), byteOf(3), byteOf(4)];
const requester = 0;
const dids: Readonly<Record<TagName, number>> = { old: 5, new: 6, spare: 7 };
const W = CompletionWait;
const wait = composed(4, [
  [W.opcode, Opcode.completionWait],
  [W.s, 1],
  [W.at, statusAt / 8],
  [W.dataLow, 1],
]);
const forgetEntry = composed(4, [
  [InvalidateDevice.opcode, Opcode.invalidateDevice],
  [InvalidateDevice.device, requester],
]);

/** All pages of a domain, with and without PASID. */
function forgetDomain(did: number): readonly Uint32Array[] {
  const P = InvalidatePages;
  const all = [
    [P.opcode, Opcode.invalidatePages],
    [P.did, did],
    [P.s, 1],
    [P.pde, 1],
    [P.page, 2 ** 51 - 1],
  ] as const;
  return [composed(4, all), composed(4, [...all, [P.gn, 1]])];
}

function build({ fetchBits = 256 }: FlightHardware): FlightUnit {
  const state = new MachineState({});
  const memory = new Memory(flightFrames);
  for (let n = 0; n < flightFrames; n++) memory.store32(byteOf(n), 0);
  const features = composed(2, [
    [ExtendedFeatures.hats, 2],
    [ExtendedFeatures.gtSup, 1],
  ]);
  const unit = new AmdviUnit({
    ...{ state, memory, features: [features[0]!, features[1]!], messages: { send: () => undefined } },
    ...{ caches: { devices: 1, spaces: 1, tables: 1, translations: 2 }, commands: 1, fetchBits },
  });
  const map = mapped(memory, 64);
  for (const side of ["old", "new"] as const) {
    const { host, gcr3, first } = amdviPlaces[side];
    map("amdvi-v1", host, "zero", throughItself(pages.second[side]));
    map("amdvi-v2", first, "sign", [
      [written.apart, pages.first[side]],
      [written.alike, written.alike],
    ]);
    put(memory, byteOf(gcr3), 2, [
      [Gcr3Entry.v, 1],
      [Gcr3Entry.frame, first],
    ]);
  }
  const { registers } = unit;
  registers.write64(at.devtab.offset, byteOf(amdviPlaces.devices), 0);
  registers.write64(at.cmdbuf.offset, queueAt, 0x0800_0000);
  registers.write64(at.evtlog.offset, eventsAt, 0x0800_0000);
  const on = [Control.iommuEn, Control.eventLogEn, Control.cmdBufEn, Control.gtEn];
  const control = composed(
    2,
    on.map((f) => [f, 1] as const),
  );
  registers.write64(at.control.offset, control[0]!, control[1]!);
  const poster = new CommandPoster({ state, memory, queueAt, bytes: 16, slots: 256 });
  return {
    ...{ state, memory, requester, transaction: unit.transactions[0]!, actors: [unit.queue] },
    neighbour: null,
    evict() {
      unit.caches.devices.invalidate({});
      unit.caches.spaces.invalidate({});
    },
    entryAt: byteOf(amdviPlaces.devices),
    ask(what) {
      memory.store32(statusAt, 0);
      poster.post([...(what === "entry" ? [forgetEntry] : forgetDomain(dids[what])), wait]);
      registers.write64(at.cmdTail.offset, poster.tail, 0);
    },
    isAnswered: () => memory.load32(statusAt) === 1,
  };
}

export const amdviFlight: Flight = {
  of: amdviDeviceEntry,
  build,
  leads(kind, side, frame) {
    if (kind === "blocked") return null;
    if (frame === written.alike || kind === "identity") return frame;
    return kind === "v1" ? pages.second[side] : pages.first[side];
  },
};
