/**
 * A small machine to be explored: a VT-d unit, domains with tables of their own, devices of which some keep translations,
 * pages with owners, and the ring by which software tells the unit.
 *
 * Hardware is the unit and the device's TLB as they run. Who acts besides is added by who builds a machine of it.
 */
import { frameBytes } from "../../base/frame.js";
import { write } from "../../bits/field.js";
import type { DeviceTlb as Contract } from "../../bus/ats.js";
import { DeviceTlb } from "../../hw/iommu/ats/device_tlb.js";
import { VtdUnit } from "../../hw/iommu/vtd/vtd_unit.js";
import { Memory } from "../../mem/memory.js";
import { ContextEntry, TranslationType } from "../../spec/vtd/context_entry.js";
import { vtdRegisters } from "../../spec/vtd/register_map.js";
import { RootEntry } from "../../spec/vtd/root_entry.js";
import { cell, cells, type Live, MachineState, record } from "../../state/index.js";
import { interruptDrafts, type Site } from "../../sw/iommu/lifetime/give_back.js";
import { PageBook } from "../../sw/iommu/lifetime/page_book.js";
import { callDrafts, deviceDrafts, type Kernel, lineDrafts } from "../../sw/iommu/lifetime/protocol.js";
import { FlushRing } from "../../sw/iommu/vtd/flush_ring.js";
import { Mapper, type TableRoot } from "../../table/index.js";
import { device } from "./device.js";
import { type MachineOptions, ownerOf, place } from "./layout.js";
import { Seen, watcher } from "./watch.js";

const { registers: at } = vtdRegisters;

/** CAP and ECAP: 39 and 48 bits, draining, queue, device TLBs. */
const capability = [0x222f_0606, 0x00d2_008c] as const;
const extendedCapability = [0x0000_0f46, 0] as const;

export function buildMachine(o: MachineOptions) {
  const state = new MachineState(o.onAccess === undefined ? {} : { onAccess: o.onAccess });
  const memory = new Memory(32);
  const interrupt = state.place(record("completion interrupt", interruptDrafts));
  const tlbs = new Map<number, Contract>();
  const unit = new VtdUnit({
    ...{ state, memory, capability, extendedCapability, requests: o.devices.length },
    messages: { send: () => (interrupt.pending = 1) },
    caches: { devices: o.devices.length, spaces: 1, tables: 1, translations: 1, ...o.caches },
    deviceTags: o.devices.length,
    deviceTlb: (requester) => tlbs.get(requester) ?? null,
  });
  const domains = buildTables(memory, o);
  switchOn(unit);
  const book = new PageBook(state, o.pages);
  for (let page = 0; page < o.pages; page++) {
    const owner = o.owners === undefined ? 0 : o.owners[page]!;
    if (owner !== null) book.give(page, ownerOf(owner));
  }
  for (const { maps } of o.domains) for (const { page } of maps) book.map(page);
  for (const { tablePage } of o.domains) if (tablePage !== undefined) book.map(tablePage);
  const seen = state.place(Seen);
  const homes = state.place(
    record("assignment", {
      of: cells(
        o.devices.length,
        "the owner that each device works for; while it changes, both: 256 times the new one more",
      ),
    }),
  ).of;
  const listed = state.place(record("the domain's devices", deviceDrafts(o.devices.length)));
  for (const [n, d] of o.devices.entries()) {
    homes.set(n, ownerOf(d.domain));
    for (const list of [listed.listed, listed.enabled]) list.set(n, o.startsUnlisted === true ? 0 : 1);
  }
  const line: Kernel["line"] = state.place(record("a line of the processor's cache", lineDrafts));
  const ring = new FlushRing({
    ...{ state, memory, registers: unit.registers },
    queueAt: place.queue * frameBytes,
    statusAt: place.status * frameBytes,
  });
  const call: Kernel["call"] = state.place(record("the guest's call", callDrafts));
  const presence = state.place(record("the slot", { present: cell<0 | 1>("1 = the device is there", 1) }));
  const devices = o.devices.map((d, n) => {
    const transaction = unit.transactions[n]!;
    const tlb =
      d.manners === null
        ? null
        : new DeviceTlb({
            ...{ state, requester: d.requester, sink: unit, manners: d.manners, depth: 1 },
            isUnderWay: () => transaction.isUnderWay,
          });
    if (tlb !== null) tlbs.set(d.requester, tlb);
    const env = {
      ...{ options: d, transaction, tlb, memory, book, seen, presence },
      leafNow: (frame: number) => domains[d.domain]!.pageAt(frame),
      works: () => homes.get(n),
      isOn: () => listed.enabled.get(n) === 1,
    };
    const running = device.start(state, env, o.devices.length > 1 ? `device ${n + 1}` : "device");
    return { running, transaction, tlb };
  });
  const watch = watcher({ unit, memory, seen, queueAt: place.queue * frameBytes });
  const kernel: Kernel = {
    ...{ memory, ring, book, call, line, devices: listed },
    // Its own time may be over at any moment.
    timeIsOver: () => true,
    isPresent: () => presence.present === 1,
    givenAway: (_, s) => watch.givenAway(s, contextAt(o.devices[0]!.requester), presence.present === 1),
  };
  const waitsForLeave = o.devices.some((d) => d.leaves === true);
  const hardware = [
    ...devices.flatMap(({ running, transaction, tlb }) => [running, transaction, ...(tlb === null ? [] : [tlb])]),
    unit.queue,
    ...(o.cached === true ? [eviction(memory, line)] : []),
    ...(o.timeOuts > 0
      ? [
          timeOut({
            state,
            unit,
            max: o.timeOuts,
            givesUp: watch.givesUp,
            mayPass: () => !waitsForLeave || presence.present === 0,
          }),
        ]
      : []),
  ];
  const site = (domain: number, frame: number, deviceIndex = 0): Site => {
    const { requester } = o.devices[deviceIndex]!;
    const { did, maps } = o.domains[domain]!;
    const leafAt = domains[domain]!.leafAt(frame);
    const page = maps.find((m) => m.frame === frame)?.page ?? -1;
    return { ...{ frame, did, requester, leafAt, page }, contextAt: contextAt(requester) };
  };
  return {
    state,
    memory,
    unit,
    book,
    seen,
    ring,
    call,
    interrupt,
    presence,
    homes,
    line,
    kernel,
    devices,
    hardware,
    site,
    watch,
    domains,
  };
}

export type BuiltMachine = ReturnType<typeof buildMachine>;

export const contextAt = (requester: number) => place.context * frameBytes + requester * 16;

function switchOn({ registers }: VtdUnit): void {
  registers.write64(at.rtaddr.offset, place.root * frameBytes, 0);
  registers.write32(at.gcmd.offset, 0x4000_0000);
  registers.write64(at.iqa.offset, place.queue * frameBytes, 0);
  registers.write32(at.gcmd.offset, 0x8400_0000);
}

/** A context entry that leads to a domain's tables. */
export function contextWords(o: { readonly did: number; readonly table: number; readonly ats?: boolean }): Uint32Array {
  const context = new Uint32Array(4);
  write(context, 0, ContextEntry.p, 1);
  write(context, 0, ContextEntry.tt, o.ats === false ? TranslationType.translate : TranslationType.translateAndAts);
  write(context, 0, ContextEntry.frame, o.table as never);
  write(context, 0, ContextEntry.aw, 1);
  write(context, 0, ContextEntry.did, o.did);
  return context;
}

function buildTables(memory: Memory, o: MachineOptions) {
  for (let frame = 0; frame < 32; frame++) memory.store32(frame * frameBytes, 0);
  const root = new Uint32Array(4);
  write(root, 0, RootEntry.p, 1);
  write(root, 0, RootEntry.frame, place.context as never);
  memory.store(place.root * frameBytes, root);
  let next: number = place.tables;
  const domains = o.domains.map(({ maps, spare = [], tablePage }) => {
    const top = next++;
    const table: TableRoot = {
      ...{ format: "vtd-ss", address: top * frameBytes, level: 2, inputBits: 39, upper: "zero" },
      ...{ outputBits: 46, allow: 3 },
    };
    let made = 0;
    const allocate = () => (++made === 2 && tablePage !== undefined ? place.pages + tablePage : next++);
    const mapper = new Mapper(memory, table, allocate);
    const [anywhere] = spare;
    if (maps.length === 0 && anywhere !== undefined) {
      mapper.map(anywhere * frameBytes, place.pages * frameBytes, frameBytes, 3);
      mapper.unmap(anywhere * frameBytes, frameBytes);
    }
    for (const m of maps) mapper.map(m.frame * frameBytes, (place.pages + m.page) * frameBytes, frameBytes, 3);
    const [middle, low] = [mapper.tables[0] ?? top, mapper.tables.at(-1) ?? top];
    const leafAt = (frame: number) => low * frameBytes + (frame % 512) * 8;
    /** The page that the entry of a frame leads to now; -1: none. */
    const pageAt = (frame: number) => {
      const word = memory.load32(leafAt(frame));
      return (word & 3) === 0 ? -1 : Math.floor(word / frameBytes) - place.pages;
    };
    const lowEntryAt = (frame: number) => middle * frameBytes + Math.floor(frame / 512) * 8;
    return { top, middle, low, leafAt, pageAt, lowEntryAt };
  });
  for (const d of o.devices) {
    const { did, ats } = o.domains[d.domain]!;
    const words = contextWords({ did, table: domains[d.domain]!.top, ...(ats !== undefined && { ats }) });
    memory.store(contextAt(d.requester), words);
  }
  return domains;
}

const Time = record("time", { spent: cell("how often the unit gave the device up") });

/** The unit gives a device up that owes an answer, sooner or later. */
function timeOut(o: {
  readonly state: MachineState;
  readonly unit: VtdUnit;
  readonly max: number;
  readonly givesUp: () => void;
  readonly mayPass: () => boolean;
}) {
  const { unit } = o;
  const time: Live<typeof Time.drafts> = o.state.place(Time);
  return {
    name: "time",
    choices: () => (unit.tags.busyCount > 0 && time.spent < o.max && o.mayPass() ? 1 : 0),
    step: () => {
      time.spent++;
      o.givesUp();
      unit.queue.timedOut(0);
    },
    label: () => "the device's time is over",
    atomic: () => "a unit's own registers and tags",
  };
}

/** A line of a cache may be written back at any moment. */
function eviction(memory: Memory, line: Kernel["line"]) {
  return {
    name: "processor's cache",
    choices: () => (line.at === 0 ? 0 : 1),
    step: () => {
      memory.store(line.at, new Array(line.words).fill(0));
      line.at = line.words = 0;
    },
    label: () => "write a line back",
    atomic: () => "a line is one store, and the cache its own",
  };
}
