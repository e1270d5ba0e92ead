/** Entries of an AMD-Vi unit that are replaced, with the structures that they lead to. */
import { read, write } from "../../bits/field.js";
import { DeviceEntry } from "../../spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../spec/amdvi/guest_cr3.js";
import { amdviDevice } from "../../sw/iommu/entry/formats/amdvi_device.js";
import { type DeviceKindName, deviceEntry, deviceKinds } from "../../sw/iommu/entry/kinds/amdvi_device.js";
import { amdviSequences } from "../../sw/iommu/entry/sequences/amdvi.js";
import type { TagName } from "../../sw/iommu/entry/sequences/sequence.js";
import { deviceTables, type UnitRoot } from "../../table/device/index.js";
import { byteOf, mapItself, memoryWith, put, withEntry } from "./ground.js";
import type { ReplacedEntry, Side } from "./replaced_entry.js";
import { domainAndPasid } from "./view.js";

const requester = 0;
const devices = 1;
/** Frames of tables, and domain ids, by side. */
const contents = {
  old: { did: 5, host: 8, gcr3: 20, first: 22, ats: true },
  new: { did: 6, host: 14, gcr3: 21, first: 23, ats: true },
} as const satisfies Record<Side, object>;
const dids: Readonly<Record<TagName, number>> = { old: 5, new: 6, spare: 7 };

const unit: UnitRoot = {
  ...{ kind: "amdvi", mode: "v1+v2", root: byteOf(devices), size: 4096, split: 0, registersAt: null },
  ...{ translating: true, interruptRemapping: null, interruptTable: null, outputBits: 48, found: "given", segment: 0 },
};

const memory = memoryWith((m) => {
  for (const { host, gcr3, first } of Object.values(contents)) {
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
  entry: (kind, side) => deviceEntry(kind as DeviceKindName, contents[side]),
  retagged(entry, tag) {
    const words = entry.slice();
    if (read(words, 0, DeviceEntry.tv) === 1) write(words, 0, DeviceEntry.did, dids[tag]);
    return words;
  },
  tagOf: domainAndPasid,
  found: (entry) => deviceTables.amdvi.lookup(withEntry(memory, byteOf(devices), entry), unit, requester, null),
};
