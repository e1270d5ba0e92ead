/**
 * An SMMUv3: domains that others nest in are second stages, other paging ones first stages, behind context descriptors, which
 * PASIDs need. What a stream's entry says depends on its PASIDs too, as in Linux.
 */
import { composed } from "../../../../src/bits/composed.js";
import { SmmuUnit } from "../../../../src/hw/iommu/smmuv3/smmu_unit.js";
import { CommandPoster } from "../../../../src/lab/replace/flight/command_poster.js";
import { Memory } from "../../../../src/mem/memory.js";
import * as C from "../../../../src/spec/smmuv3/command_layouts.js";
import { ContextDescriptor } from "../../../../src/spec/smmuv3/context_descriptor.js";
import { smmuRegisters } from "../../../../src/spec/smmuv3/register_map.js";
import { Idr0, Idr1, Idr5 } from "../../../../src/spec/smmuv3/registers.js";
import { MachineState } from "../../../../src/state/index.js";
import { smmuContext } from "../../../../src/sw/iommu/entry/formats/smmu_context.js";
import { smmuStream } from "../../../../src/sw/iommu/entry/formats/smmu_stream.js";
import { descriptorOf } from "../../../../src/sw/iommu/entry/kinds/smmu_context.js";
import {
  type ContextTable,
  type StreamKindName,
  streamEntry,
  streamKinds,
} from "../../../../src/sw/iommu/entry/kinds/smmu_stream.js";
import { devices, type Leads, type VendorUnit, type Written } from "./real_unit.js";
import { byte, leafTable } from "./tables.js";

const { registers: at } = smmuRegisters;
const place = { streams: 1, queue: 2, events: 3, contexts: 4, tables: 16 } as const;
const framesMax = 256;
const queueLg2 = 4;
const features = { overrides: true, stalls: true };
const walks = { ps: 5, tg: 0, sh: 3, or: 1, ir: 1, sl: 2, tsz: 16 } as const;
const sync = composed(4, [[C.Sync.op, C.Command.sync]]);

const ofVm = (vmid: number) =>
  composed(4, [
    [C.S12VmAll.op, C.Command.s12VmAll],
    [C.S12VmAll.vmid, vmid],
  ]);
const ofAsid = (asid: number) =>
  composed(4, [
    [C.NhAsid.op, C.Command.nhAsid],
    [C.NhAsid.asid, asid],
  ]);
const ofPage = (asid: number, page: number) =>
  composed(4, [
    [C.NhVa.op, C.Command.nhVa],
    [C.NhVa.asid, asid],
    [C.NhVa.page, page],
  ] as never);
const ofIpa = (vmid: number, page: number) =>
  composed(4, [
    [C.S2Ipa.op, C.Command.s2Ipa],
    [C.S2Ipa.vmid, vmid],
    [C.S2Ipa.page, page],
  ] as never);

const isSecond = ({ domains }: Leads, domain: number) => domains.nests(domain);
const isNested = ({ domains }: Leads, domain: number) => domains.kindOf(domain) === "nested";

export function smmuUnit(domainsMax: number): VendorUnit {
  const state = new MachineState({});
  const memory = new Memory(framesMax);
  for (let n = 0; n < framesMax; n++) memory.store32(byte(n), 0);
  const flags = [Idr0.s1p, Idr0.s2p, Idr0.cohacc, Idr0.asid16, Idr0.vmid16].map((f) => [f, 1] as const);
  const unit = new SmmuUnit({
    ...{ state, memory, messages: { send: () => undefined }, fetchBits: 64, requests: 2 },
    identification: {
      idr0: composed(1, flags)[0]!,
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
    },
    caches: { devices: 4, spaces: 16, tables: 8, translations: 16 },
  });
  let next: number = place.tables;
  const allocate = () => next++;
  const itself = { first: place.tables, end: framesMax };
  const tables = Array.from({ length: domainsMax + 1 }, (_, n) => {
    const first = leafTable(memory, "smmu-s1-4k", allocate);
    const second = leafTable(memory, "smmu-s2-4k", allocate, itself);
    /** Of a nested domain: the guest's table of descriptors, with one. */
    const contexts = next++;
    memory.store(byte(contexts), descriptorOf("s1", { asid: n, ttb: byte(first.top) / 16 }));
    return { first, second, contexts };
  });
  memory.store(byte(place.streams), new Uint32Array(devices * 16));
  const abort = streamEntry(streamKinds.abort, contents(place.contexts, 0, 0), features);
  for (let n = 0; n < devices; n++) memory.store(byte(place.streams) + n * 64, abort);
  const { registers } = unit;
  registers.write64(at.strtabBase.offset, byte(place.streams), 0);
  registers.write32(at.strtabBaseCfg.offset, 6);
  registers.write64(at.cmdqBase.offset, byte(place.queue) + queueLg2, 0);
  registers.write64(at.eventqBase.offset, byte(place.events) + queueLg2, 0);
  // Translation and commands.
  registers.write32(at.cr0.offset, 0x9);
  const poster = new CommandPoster({ state, memory, queueAt: byte(place.queue), bytes: 16, slots: 2 ** queueLg2 });
  const usesPasids = (device: number, leads: Leads) => [1, 2, 3].some((pasid) => leads.of({ device, pasid }) !== null);

  return {
    ...{ state, memory, transactions: unit.transactions, queue: unit.queue, caches: unit.caches },
    refuses({ device, pasid, domain }, leads) {
      const isOther = (n: number) => isSecond(leads, n) || isNested(leads, n);
      if (pasid === 0) return isOther(domain) && usesPasids(device, leads) ? "EBUSY" : null;
      const beside = leads.of({ device, pasid: 0 });
      return domain === leads.identity || isOther(domain) || (beside !== null && isOther(beside.domain))
        ? "EINVAL"
        : null;
    },
    entries(whose, leads) {
      const led = leads.of(whose);
      const isFirst =
        led !== null && led.domain !== leads.identity && !isSecond(leads, led.domain) && !isNested(leads, led.domain);
      const descriptor = isFirst
        ? descriptorOf("s1", { asid: led.id, ttb: byte(tables[led.domain]!.first.top) / 16 })
        : new Uint32Array(ContextDescriptor.$.bitCount / 32);
      const widths = { store: 64, fetch: 64 } as const;
      const context: Written = {
        ...{ at: byte(place.contexts + whose.device) + whose.pasid * 64, format: smmuContext, widths },
        words: descriptor,
      };
      const stream: Written = {
        ...{ at: byte(place.streams) + whose.device * 64, format: smmuStream, widths },
        words: streamWords(whose.device, leads),
      };
      // What an entry comes to lead to is there before it does, and goes behind it.
      return isFirst ? [context, stream] : [stream, context];
    },
    map(domain, frame, to) {
      tables[domain]!.first.map(frame, to);
      tables[domain]!.second.map(frame, to);
    },
    post(commands) {
      poster.post([...commands, sync]);
      registers.write32(at.cmdqProd.offset, poster.index);
    },
    isAnswered: () => (registers.get("cmdqCons") & 0xf_ffff) === poster.index,
    forgetEntry: ({ device, pasid }) => [
      composed(4, [
        [C.SteInvalidate.op, C.Command.ste],
        [C.SteInvalidate.sid, device],
        [C.SteInvalidate.leaf, 1],
      ]),
      composed(4, [
        [C.CdInvalidate.op, C.Command.cd],
        [C.CdInvalidate.sid, device],
        [C.CdInvalidate.ssid, pasid],
        [C.CdInvalidate.leaf, 1],
      ] as never),
    ],
    forgetId: (id) => [ofAsid(id), ofVm(id)],
    forgetDevice: () => [],
    forgetFrame({ kind, id, isNested: isAll }, frame) {
      if (kind === "device") return [];
      return isAll ? [ofVm(id)] : [ofPage(id, frame), ofIpa(id, frame)];
    },
    tagOf(_, { domain, id }, leads) {
      if (domain === leads.identity) return null;
      if (isNested(leads, domain)) return { domain: id, space: domain };
      return isSecond(leads, domain) ? { domain: id, space: null } : { domain: 0, space: id };
    },
  };

  function streamWords(device: number, leads: Leads): Uint32Array {
    const led = leads.of({ device, pasid: 0 });
    const has = usesPasids(device, leads);
    const own = place.contexts + device;
    const of = (kind: StreamKindName, o: Parameters<typeof contents>) =>
      streamEntry({ ...streamKinds[kind], ats: false, mev: false }, contents(...o), features);
    if (led === null) return of(has ? "s1term" : "abort", [own, 0, 0]);
    if (led.domain === leads.identity) return of(has ? "s1dssbyp" : "bypass", [own, 0, 0]);
    if (isSecond(leads, led.domain)) return of("s2", [own, led.id, tables[led.domain]!.second.top]);
    if (!isNested(leads, led.domain)) return of("s1", [own, 0, 0]);
    const parent = leads.domains.parentOf(led.domain);
    return of("nested", [tables[led.domain]!.contexts, led.id, tables[parent]!.second.top]);
  }
}

function contents(contexts: number, vmid: number, second: number) {
  const table: ContextTable = { table: byte(contexts) / 64, max: 2, format: 0 };
  const stage = { vmid, ttb: byte(second) / 16, ...walks };
  return { contexts: table, otherContexts: table, second: stage, otherSecond: stage };
}
