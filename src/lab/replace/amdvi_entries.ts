/** Entries of an AMD-Vi unit that are replaced, with the structures that they lead to. */
import { read, write } from "../../bits/field.js";
import { DeviceEntry } from "../../spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../spec/amdvi/guest_cr3.js";
import { entryOf } from "../../sw/iommu/entry/fields.js";
import { amdviDevice } from "../../sw/iommu/entry/formats/amdvi_device.js";
import { amdviGcr3 } from "../../sw/iommu/entry/formats/amdvi_gcr3.js";
import { type DeviceKindName, deviceEntry, deviceKinds } from "../../sw/iommu/entry/kinds/amdvi_device.js";
import { amdviSequences } from "../../sw/iommu/entry/sequences/amdvi.js";
import { type TagName, written } from "../../sw/iommu/entry/sequences/sequence.js";
import { deviceTables, type UnitRoot } from "../../table/device/index.js";
import { byteOf, mapItself, memoryWith, put, withEntry } from "./ground.js";
import type { ReplacedEntry } from "./replaced_entry.js";
import { domainAndPasid } from "./view.js";

const requester = 0;
/** Frames of the device table, and of the tables that an entry leads to, by side; domain ids. */
export const amdviPlaces = {
  devices: 1,
  old: { did: 5, host: 8, gcr3: 20, first: 22, ats: true },
  new: { did: 6, host: 14, gcr3: 21, first: 23, ats: true },
} as const;
const { devices } = amdviPlaces;
const dids: Readonly<Record<TagName, number>> = { old: 5, new: 6, spare: 7 };

const unit: UnitRoot = {
  ...{ kind: "amdvi", mode: "v1+v2", root: byteOf(devices), size: 4096, split: 0, registersAt: null },
  ...{ translating: true, interruptRemapping: null, interruptTable: null, outputBits: 48, found: "given", segment: 0 },
};

const memory = memoryWith((m) => {
  for (const { host, gcr3, first } of [amdviPlaces.old, amdviPlaces.new]) {
    mapItself(m, "amdvi-v1", host, 3);
    put(m, byteOf(gcr3), 2, [
      [Gcr3Entry.v, 1],
      [Gcr3Entry.frame, first],
    ]);
  }
});

export const amdviDeviceEntry: ReplacedEntry = {
  title: "AMD-Vi",
  format: amdviDevice,
  widths: { store: 128, fetch: 256 },
  keepsInvalid: false,
  fetchOrder: "ascending",
  kinds: deviceKinds,
  sequences: amdviSequences,
  entry: (kind, side) => deviceEntry(kind as DeviceKindName, amdviPlaces[side]),
  retagged(entry, tag) {
    const words = entry.slice();
    if (read(words, 0, DeviceEntry.tv) === 1) write(words, 0, DeviceEntry.did, dids[tag]);
    return words;
  },
  tagOf: domainAndPasid,
  found: (entry) => deviceTables.amdvi.lookup(withEntry(memory, byteOf(devices), entry), unit, requester, null),
};

const pasid = 1;
/** A device with guest tables, whose entry stays: one domain id for all of its PASIDs. */
const ofPasids = memoryWith((m) => m.store(byteOf(devices), deviceEntry("v2", amdviPlaces.old)));

export const amdviPasidEntry: ReplacedEntry = {
  title: "AMD-Vi, one PASID",
  format: amdviGcr3,
  widths: { store: 64, fetch: 64 },
  keepsInvalid: false,
  fetchOrder: "ascending",
  kinds: { none: { title: "no tables" }, first: { title: "first stage" } },
  sequences: {
    linux: { ...written, title: "one store", source: "Linux 7.0, update_gcr3", ships: true },
  },
  entry(kind, side) {
    const { first } = amdviPlaces[side];
    return entryOf(
      Gcr3Entry.$,
      kind === "none"
        ? []
        : [
            [Gcr3Entry.v, 1],
            [Gcr3Entry.frame, first],
          ],
    );
  },
  retagged: (entry) => entry,
  tagOf: domainAndPasid,
  found: (entry) =>
    deviceTables.amdvi.lookup(
      withEntry(ofPasids, byteOf(amdviPlaces.old.gcr3) + pasid * 8, entry),
      unit,
      requester,
      pasid,
    ),
};
