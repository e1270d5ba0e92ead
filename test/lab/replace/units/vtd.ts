/** A VT-d unit in scalable mode: paging domains are first or second stages, nested ones both. */
import type { Mfn } from "../../../../src/base/frame.js";
import { composed } from "../../../../src/bits/composed.js";
import { write } from "../../../../src/bits/field.js";
import { VtdUnit } from "../../../../src/hw/iommu/vtd/vtd_unit.js";
import { CommandPoster } from "../../../../src/lab/replace/flight/command_poster.js";
import { put } from "../../../../src/lab/replace/ground.js";
import { Memory } from "../../../../src/mem/memory.js";
import { ScalableContextEntry } from "../../../../src/spec/vtd/context_entry.js";
import { DescriptorType, InvalidationWait } from "../../../../src/spec/vtd/descriptors.js";
import { PasidDirectoryEntry, PasidEntry } from "../../../../src/spec/vtd/pasid.js";
import { vtdRegisters } from "../../../../src/spec/vtd/register_map.js";
import { ScalableRootEntry } from "../../../../src/spec/vtd/root_entry.js";
import { MachineState } from "../../../../src/state/index.js";
import { vtdPasid } from "../../../../src/sw/iommu/entry/formats/vtd_pasid.js";
import { pasidEntry } from "../../../../src/sw/iommu/entry/kinds/vtd_pasid.js";
import { iotlb, pasidCache, pasidIotlb } from "../../../../src/sw/iommu/vtd/commands.js";
import { devices, type Leads, pasids, type VendorUnit } from "./real_unit.js";
import { byte, leafTable } from "./tables.js";

const { registers: at } = vtdRegisters;
const place = { root: 1, context: 2, queue: 11, status: 12, directories: 3, pasids: 7, tables: 16 } as const;
const framesMax = 192;
const nobody = 0x3f;
const wait = composed(4, [
  [InvalidationWait.type, DescriptorType.wait],
  [InvalidationWait.sw, 1],
  [InvalidationWait.data, 1],
  [InvalidationWait.at, byte(place.status)],
]);
/** Requests under way are drained by those of the IOTLB alone: one of a domain that nobody has. */
const drain = iotlb({ g: 2, did: nobody });

/** By its number, for those that nobody nests in. */
const isFirst = ({ domains }: Leads, domain: number) =>
  domains.kindOf(domain) === "sva" || (!domains.nests(domain) && domain % 2 === 1);

export function vtdUnit(domainsMax: number): VendorUnit {
  const state = new MachineState({});
  const memory = new Memory(framesMax);
  for (let n = 0; n < framesMax; n++) memory.store32(byte(n), 0);
  const unit = new VtdUnit({
    ...{ state, memory, capability: [0x222f_0606, 0x00d2_008c], extendedCapability: [0x0400_0f46, 0x0000_c998] },
    ...{ messages: { send: () => undefined }, requests: 2, fetchBits: 128 },
    caches: { devices: 4, spaces: 16, tables: 8, translations: 16 },
  });
  // What an entry of zeros leads to: page 0, in which there is what a table looks like.
  for (let n = 0; n < 4; n++) memory.store64(n * 8, 0x67, 0);
  let next: number = place.tables;
  const allocate = () => next++;
  const itself = { first: place.tables, end: framesMax };
  const tables = Array.from({ length: domainsMax + 1 }, () => ({
    first: leafTable(memory, "vtd-fs", allocate),
    second: leafTable(memory, "vtd-ss", allocate, itself),
  }));
  put(memory, byte(place.root), 4, [
    [ScalableRootEntry.lowerP, 1],
    [ScalableRootEntry.lower, place.context as Mfn],
  ]);
  for (let n = 0; n < devices; n++) {
    put(memory, byte(place.context) + n * 32, 8, [
      [ScalableContextEntry.p, 1],
      [ScalableContextEntry.paside, 1],
      [ScalableContextEntry.frame, place.directories + n],
    ]);
    put(memory, byte(place.directories + n), 2, [
      [PasidDirectoryEntry.p, 1],
      [PasidDirectoryEntry.frame, place.pasids + n],
    ]);
  }
  const { registers } = unit;
  registers.write64(at.rtaddr.offset, byte(place.root) + 0x400, 0);
  registers.write32(at.gcmd.offset, 0x4000_0000);
  const poster = new CommandPoster({ state, memory, queueAt: byte(place.queue), bytes: 32, slots: 128 });
  registers.write64(at.iqa.offset, byte(place.queue) + 0x800, 0);
  registers.write32(at.gcmd.offset, 0x8400_0000);
  const everyPasid = (of: (pasid: number) => Uint32Array) => Array.from({ length: pasids }, (_, pasid) => of(pasid));
  const forgetId = (did: number) => [...everyPasid((pasid) => pasidIotlb({ g: 2, did, pasid })), iotlb({ g: 2, did })];
  return {
    ...{ state, memory, transactions: unit.transactions, queue: unit.queue, caches: unit.caches },
    refuses: () => null,
    entries(whose, leads) {
      const led = leads.of(whose);
      const words = led === null ? new Uint32Array(16) : entryOf(led.domain, led.id, leads);
      const entryAt = byte(place.pasids + whose.device) + whose.pasid * 64;
      return [{ at: entryAt, format: vtdPasid, widths: { store: 128, fetch: 128 }, words }];
    },
    map(domain, frame, to) {
      tables[domain]!.first.map(frame, to);
      tables[domain]!.second.map(frame, to);
    },
    post(commands) {
      memory.store32(byte(place.status), 0);
      poster.post([...commands, wait]);
      registers.write64(at.iqt.offset, poster.tail, 0);
    },
    isAnswered: () => memory.load32(byte(place.status)) === 1,
    forgetEntry: ({ pasid }, was) => [
      was === null ? pasidCache({ g: 3 }) : pasidCache({ g: 1, did: was.id, pasid }),
      drain,
    ],
    forgetId,
    forgetDevice: () => [],
    forgetFrame({ kind, id, pasid, isNested }, frame) {
      if (kind === "device") return [];
      if (isNested) return forgetId(id);
      return [pasidIotlb({ g: 3, did: id, pasid, page: frame, am: 0 }), iotlb({ g: 3, did: id, page: frame, am: 0 })];
    },
    tagOf({ pasid }, { domain, id }, leads) {
      if (domain === leads.identity) return null;
      const isSecond = leads.domains.kindOf(domain) === "paging" && !isFirst(leads, domain);
      return { domain: id, space: isSecond ? null : pasid };
    },
  };

  function entryOf(domain: number, did: number, leads: Leads): Uint32Array {
    const of = (n: number) => ({ first: tables[n]!.first.top, second: tables[n]!.second.top });
    if (domain === leads.identity) {
      const words = pasidEntry("pt", { did, first: 0, second: 0 });
      write(words, 0, PasidEntry.did, did);
      return words;
    }
    if (leads.domains.kindOf(domain) === "nested")
      return pasidEntry("nested", { did, first: of(domain).first, second: of(leads.domains.parentOf(domain)).second });
    return pasidEntry(isFirst(leads, domain) ? "fs" : "ss", { did, ...of(domain) });
  }
}
