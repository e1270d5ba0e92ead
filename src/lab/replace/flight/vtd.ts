/** VT-d units, in scalable and in legacy mode, whose entry is replaced under way. */

import type { Mfn } from "../../../base/frame.js";
import { composed } from "../../../bits/composed.js";
import { VtdUnit } from "../../../hw/iommu/vtd/vtd_unit.js";
import { Memory } from "../../../mem/memory.js";
import { ScalableContextEntry } from "../../../spec/vtd/context_entry.js";
import { DescriptorType, InvalidationWait } from "../../../spec/vtd/descriptors.js";
import { PasidDirectoryEntry } from "../../../spec/vtd/pasid.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import { RootEntry, ScalableRootEntry } from "../../../spec/vtd/root_entry.js";
import { MachineState } from "../../../state/index.js";
import type { TagName } from "../../../sw/iommu/entry/sequences/sequence.js";
import { context, iotlb, pasidCache, pasidIotlb } from "../../../sw/iommu/vtd/commands.js";
import { byteOf, put } from "../ground.js";
import { vtdContextEntry, vtdPasidEntry, vtdPlaces } from "../vtd_entries.js";
import { CommandPoster } from "./command_poster.js";
import { flightFrames, mapped, throughItself } from "./tables.js";
import { type Flight, type FlightHardware, type FlightUnit, pages, written } from "./unit.js";

const { registers: at } = vtdRegisters;
/** CAP and ECAP: four levels, draining, a queue, first and second stages and both, scalable mode. */
const capability = [0x222f_0606, 0x00d2_008c] as const;
const extended = { legacy: [0x0000_0f46, 0], scalable: [0x0400_0f46, 0x0000_c998] } as const;
const queueAt = byteOf(12);
const statusAt = byteOf(13);
const requester = 0;
/** Of another device: its requester id, its directory and its table. */
const other = { requester: 1, directory: 6, pasids: 7 } as const;
const nobody = 0x3f;
const { type, sw, data, at: statusField } = InvalidationWait;
const wait = composed(4, [
  [type, DescriptorType.wait],
  [sw, 1],
  [data, 1],
  [statusField, statusAt],
]);
const dids: Readonly<Record<TagName, number>> = { old: 5, new: 6, spare: 7 };

function tables(memory: Memory): void {
  const map = mapped(memory, 16);
  for (const side of ["old", "new"] as const) {
    const { first, second } = vtdPlaces[side];
    map("vtd-fs", first, "sign", [
      [written.apart, pages.first[side]],
      [written.alike, written.alike],
    ]);
    map("vtd-ss", second, "zero", throughItself(pages.second[side]));
  }
}

/** A context entry that leads to a PASID directory, and that to a table. */
function putDirectory(memory: Memory, at: { requester: number; directory: number; pasids: number }): void {
  put(memory, byteOf(vtdPlaces.context) + at.requester * 32, 8, [
    [ScalableContextEntry.p, 1],
    [ScalableContextEntry.frame, at.directory],
  ]);
  put(memory, byteOf(at.directory), 2, [
    [PasidDirectoryEntry.p, 1],
    [PasidDirectoryEntry.frame, at.pasids],
  ]);
}

function build(mode: "legacy" | "scalable", o: FlightHardware): FlightUnit {
  const { fetchBits = 128, drains = true, neighbour = false } = o;
  const state = new MachineState({});
  const memory = new Memory(flightFrames);
  for (let n = 0; n < flightFrames; n++) memory.store32(byteOf(n), 0);
  const unit = new VtdUnit({
    ...{ state, memory, capability, extendedCapability: extended[mode], messages: { send: () => undefined } },
    ...{ caches: { devices: 1, spaces: 1, tables: 1, translations: 2 }, fetchBits, requests: neighbour ? 2 : 1 },
  });
  tables(memory);
  if (mode === "scalable") {
    put(memory, byteOf(vtdPlaces.root), 4, [
      [ScalableRootEntry.lowerP, 1],
      [ScalableRootEntry.lower, vtdPlaces.context as Mfn],
    ]);
    putDirectory(memory, { requester, ...vtdPlaces });
    if (neighbour) putDirectory(memory, other);
  } else {
    put(memory, byteOf(vtdPlaces.root), 4, [
      [RootEntry.p, 1],
      [RootEntry.frame, vtdPlaces.context],
    ]);
  }
  const { registers } = unit;
  registers.write64(at.rtaddr.offset, byteOf(vtdPlaces.root) + (mode === "scalable" ? 0x400 : 0), 0);
  registers.write32(at.gcmd.offset, 0x4000_0000);
  const bytes = mode === "scalable" ? 32 : 16;
  const poster = new CommandPoster({ state, memory, queueAt, bytes, slots: 4096 / bytes });
  // DW: descriptors of 256 bits.
  registers.write64(at.iqa.offset, queueAt + (bytes === 32 ? 0x800 : 0), 0);
  registers.write32(at.gcmd.offset, 0x8400_0000);
  // Requests under way are drained by those of the IOTLB alone: one of a domain that nobody has. 6.5.2.3.
  const drain = iotlb({ g: 2, did: nobody });
  const descriptors = (what: "entry" | TagName) => {
    if (what === "entry")
      return [mode === "scalable" ? pasidCache({ g: 3 }) : context({ g: 1 }), ...(drains ? [drain] : [])];
    const did = dids[what];
    return mode === "scalable" ? [pasidIotlb({ g: 2, did, pasid: 0 }), iotlb({ g: 2, did })] : [iotlb({ g: 2, did })];
  };
  return {
    ...{ state, memory, requester, transaction: unit.transactions[0]!, actors: [unit.queue] },
    neighbour: neighbour
      ? { transaction: unit.transactions[1]!, requester: other.requester, entryAt: byteOf(other.pasids) }
      : null,
    evict() {
      unit.caches.devices.invalidate({});
      unit.caches.spaces.invalidate({});
    },
    entryAt: byteOf(mode === "scalable" ? vtdPlaces.pasids : vtdPlaces.context),
    ask(what) {
      memory.store32(statusAt, 0);
      poster.post([...descriptors(what), wait]);
      registers.write64(at.iqt.offset, poster.tail, 0);
    },
    isAnswered: () => memory.load32(statusAt) === 1,
  };
}

function leads(kind: string, side: "old" | "new", frame: number): number | null {
  if (kind === "blocked") return null;
  if (frame === written.alike || kind === "pt") return frame;
  return kind === "ss" || kind === "legacy" ? pages.second[side] : pages.first[side];
}

export const vtdFlight: Flight = { of: vtdPasidEntry, build: (o) => build("scalable", o), leads };
export const vtdLegacyFlight: Flight = { of: vtdContextEntry, build: (o) => build("legacy", o), leads };
