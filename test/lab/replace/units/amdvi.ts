/**
 * An AMD-Vi unit: domains that others nest in are host tables, other paging ones guest tables (GCR3), which PASIDs need.
 * Under guest tables a device has a domain id of its own, for PASIDs tell its tables apart (Linux 87a6f1f22c97).
 */
import { composed } from "../../../../src/bits/composed.js";
import { write } from "../../../../src/bits/field.js";
import { AmdviUnit } from "../../../../src/hw/iommu/amdvi/amdvi_unit.js";
import { CommandPoster } from "../../../../src/lab/replace/flight/command_poster.js";
import { put } from "../../../../src/lab/replace/ground.js";
import { Memory } from "../../../../src/mem/memory.js";
import { CompletionWait, InvalidateDevice, InvalidatePages, Opcode } from "../../../../src/spec/amdvi/commands.js";
import { DeviceEntry } from "../../../../src/spec/amdvi/device_entry.js";
import { Gcr3Entry } from "../../../../src/spec/amdvi/guest_cr3.js";
import { amdviRegisters } from "../../../../src/spec/amdvi/register_map.js";
import { Control, ExtendedFeatures } from "../../../../src/spec/amdvi/registers.js";
import { MachineState } from "../../../../src/state/index.js";
import { entryOf } from "../../../../src/sw/iommu/entry/fields.js";
import { amdviDevice } from "../../../../src/sw/iommu/entry/formats/amdvi_device.js";
import { amdviGcr3 } from "../../../../src/sw/iommu/entry/formats/amdvi_gcr3.js";
import { deviceEntry } from "../../../../src/sw/iommu/entry/kinds/amdvi_device.js";
import { devices, type Leads, pasids, type VendorUnit, type Written } from "./real_unit.js";
import { byte, leafTable } from "./tables.js";

const { registers: at } = amdviRegisters;
const place = { devices: 1, queue: 2, status: 3, events: 4, gcr3: 5, tables: 16 } as const;
const framesMax = 224;
const wait = composed(4, [
  [CompletionWait.opcode, Opcode.completionWait],
  [CompletionWait.s, 1],
  [CompletionWait.at, byte(place.status) / 8],
  [CompletionWait.dataLow, 1],
]);
const allPages = 2 ** 51 - 1;
/** The id of a device's guest tables. */
const ownId = (device: number) => 0x100 + device;

/** @param pasid null: of host tables @param page null: all */
function pages(did: number, pasid: number | null, page: number | null): Uint32Array {
  const P = InvalidatePages;
  return composed(4, [
    [P.opcode, Opcode.invalidatePages],
    [P.did, did],
    [P.pde, 1],
    ...(page === null
      ? ([
          [P.s, 1],
          [P.page, allPages],
        ] as const)
      : ([[P.page, page]] as const)),
    ...(pasid === null
      ? []
      : ([
          [P.gn, 1],
          [P.pasid, pasid],
        ] as const)),
  ] as never);
}

const isHost = ({ domains }: Leads, domain: number) => domains.nests(domain) || domains.kindOf(domain) === "nested";

export function amdviUnit(domainsMax: number): VendorUnit {
  const state = new MachineState({});
  const memory = new Memory(framesMax);
  for (let n = 0; n < framesMax; n++) memory.store32(byte(n), 0);
  const features = composed(2, [
    [ExtendedFeatures.hats, 2],
    [ExtendedFeatures.gtSup, 1],
    [ExtendedFeatures.pasMax, 7],
  ]);
  const unit = new AmdviUnit({
    ...{ state, memory, features: [features[0]!, features[1]!], messages: { send: () => undefined } },
    ...{ caches: { devices: 4, spaces: 16, tables: 8, translations: 16 }, commands: 1, fetchBits: 256, requests: 2 },
  });
  let next: number = place.tables;
  const allocate = () => next++;
  const itself = { first: place.tables, end: framesMax };
  const tables = Array.from({ length: domainsMax + 1 }, () => ({
    host: leafTable(memory, "amdvi-v1", allocate, itself),
    guest: leafTable(memory, "amdvi-v2", allocate),
    /** Of a nested domain: the table that its guest's entry is found by. */
    gcr3: next++,
  }));
  for (const { guest, gcr3 } of tables)
    put(memory, byte(gcr3), 2, [
      [Gcr3Entry.v, 1],
      [Gcr3Entry.frame, guest.top],
    ]);
  const { registers } = unit;
  registers.write64(at.devtab.offset, byte(place.devices), 0);
  registers.write64(at.cmdbuf.offset, byte(place.queue), 0x0800_0000);
  registers.write64(at.evtlog.offset, byte(place.events), 0x0800_0000);
  const on = [Control.iommuEn, Control.cmdBufEn, Control.gtEn].map((f) => [f, 1] as const);
  const control = composed(2, on);
  registers.write64(at.control.offset, control[0]!, control[1]!);
  for (let n = 0; n < devices; n++)
    memory.store(byte(place.devices) + n * 32, entryOf(DeviceEntry.$, [[DeviceEntry.v, 1]]));
  const poster = new CommandPoster({ state, memory, queueAt: byte(place.queue), bytes: 16, slots: 256 });
  const usesPasids = (device: number, leads: Leads) => [1, 2, 3].some((pasid) => leads.of({ device, pasid }) !== null);

  return {
    ...{ state, memory, transactions: unit.transactions, queue: unit.queue, caches: unit.caches },
    refuses({ device, pasid, domain }, leads) {
      if (pasid > 0) {
        const beside = leads.of({ device, pasid: 0 });
        const isBesideHost = beside !== null && isHost(leads, beside.domain);
        return isBesideHost || isHost(leads, domain) || domain === leads.identity ? "EINVAL" : null;
      }
      return isHost(leads, domain) && usesPasids(device, leads) ? "EBUSY" : null;
    },
    entries({ device, pasid }, leads) {
      const guests = Array.from({ length: pasids }, (_, n) => leads.of({ device, pasid: n }));
      const gcr3: Written[] = [];
      const led = guests[pasid]!;
      const isGuest = led !== null && led.domain !== leads.identity && !isHost(leads, led.domain);
      gcr3.push({
        at: byte(place.gcr3 + device) + pasid * 8,
        format: amdviGcr3,
        widths: { store: 64, fetch: 64 },
        words: entryOf(
          Gcr3Entry.$,
          isGuest
            ? [
                [Gcr3Entry.v, 1],
                [Gcr3Entry.frame, tables[led.domain]!.guest.top],
              ]
            : [],
        ),
        isOneStore: true,
      });
      const entry: Written = {
        at: byte(place.devices) + device * 32,
        format: amdviDevice,
        widths: { store: 128, fetch: 256 },
        words: deviceWords(device, leads),
      };
      // What an entry comes to lead to is there before it does, and goes behind it.
      return isGuest ? [...gcr3, entry] : [entry, ...gcr3];
    },
    map(domain, frame, to) {
      tables[domain]!.host.map(frame, to);
      tables[domain]!.guest.map(frame, to);
    },
    post(commands) {
      memory.store32(byte(place.status), 0);
      poster.post([...commands, wait]);
      registers.write64(at.cmdTail.offset, poster.tail, 0);
    },
    isAnswered: () => memory.load32(byte(place.status)) === 1,
    forgetEntry: ({ device }) => [
      composed(4, [
        [InvalidateDevice.opcode, Opcode.invalidateDevice],
        [InvalidateDevice.device, device],
      ]),
    ],
    forgetId: (id) => [pages(id, null, null), pages(id, 0, null)],
    forgetDevice: ({ device, pasid }) => [pages(ownId(device), pasid, null)],
    forgetFrame({ kind, id, device, pasid, isNested }, frame) {
      if (kind === "device") return [pages(ownId(device), pasid, isNested ? null : frame)];
      return isNested ? [pages(id, null, null), pages(id, 0, null)] : [pages(id, null, frame)];
    },
    tagOf({ device, pasid }, { domain, id }, leads) {
      if (domain === leads.identity) return null;
      if (leads.domains.kindOf(domain) === "nested") return { domain: id, space: 0 };
      return isHost(leads, domain) ? { domain: id, space: null } : { domain: ownId(device), space: pasid };
    },
  };

  function deviceWords(device: number, leads: Leads): Uint32Array {
    const led = leads.of({ device, pasid: 0 });
    const own = { did: ownId(device), host: 0, gcr3: place.gcr3 + device, ats: false };
    if (led !== null && isHost(leads, led.domain)) {
      const isNested = leads.domains.kindOf(led.domain) === "nested";
      const of = isNested ? leads.domains.parentOf(led.domain) : led.domain;
      const contents = { did: led.id, host: tables[of]!.host.top, gcr3: tables[led.domain]!.gcr3, ats: false };
      return deviceEntry(isNested ? "nested" : "v1", contents);
    }
    // Guest tables of which there are none for requests without PASID refuse those.
    if (led === null && !usesPasids(device, leads)) return deviceEntry("blocked", own);
    const words = deviceEntry("v2", own);
    if (led?.domain === leads.identity) write(words, 0, DeviceEntry.giov, 0);
    return words;
  }
}
