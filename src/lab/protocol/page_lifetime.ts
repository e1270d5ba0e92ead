/**
 * A guest gives a page back while its device, which keeps translations of its own, writes; somebody else takes the page.
 *
 * Hardware is the unit and the device's TLB as they run; software is a policy of `sw/iommu/lifetime`. What D2 is about.
 */
import { frameBytes } from "../../base/frame.js";
import type { DeviceTlb as Contract } from "../../bus/ats.js";
import type { Universe } from "../../check/universe.js";
import { DeviceTlb, type Manners } from "../../hw/iommu/ats/device_tlb.js";
import { AddressType, Outcome } from "../../hw/iommu/core/request.js";
import type { Transaction } from "../../hw/iommu/core/transaction.js";
import { VtdUnit } from "../../hw/iommu/vtd/vtd_unit.js";
import { Memory } from "../../mem/memory.js";
import { vtdRegisters } from "../../spec/vtd/register_map.js";
import { cell, end, type Live, MachineState, type OnAccess, program, record } from "../../state/index.js";
import { completion, giveBack } from "../../sw/iommu/lifetime/give_back.js";
import { nobody, PageBook } from "../../sw/iommu/lifetime/page_book.js";
import type { ReleasePolicy } from "../../sw/iommu/lifetime/policies.js";
import { buildTables, did, guest, guestFrame, other, place, requester } from "./one_page.js";

const { registers: at } = vtdRegisters;

/** CAP and ECAP: 48 bits, draining, queue, device TLBs. */
const capability = [0x222f_0606, 0x00d2_008c] as const;
const extendedCapability = [0x0000_0f46, 0] as const;

export interface PageLifetimeOptions {
  readonly policy: ReleasePolicy;
  /** How the device answers. */
  readonly manners: Manners;
  /** Writes of the device. Default 1: the one that strays needs no other. */
  readonly writes?: number;
  /** How often the unit gives the device up, at most. Default 1; who is never answered waits for ever after that. */
  readonly timeOuts?: number;
  readonly onAccess?: OnAccess;
}

/** What the run has come to, for what must hold. */
const Seen = record("what came of it", {
  strayed: cell<0 | 1>("1 = the device wrote to a page of somebody else, or of nobody"),
});

interface DeviceEnv {
  readonly transaction: Transaction;
  readonly tlb: DeviceTlb;
  readonly memory: Memory;
  readonly book: PageBook;
  readonly seen: Live<typeof Seen.drafts>;
  readonly writes: number;
}

/** A device that keeps its translation and writes through it. */
const device = program<DeviceEnv>()(
  "device",
  { done: cell("writes so far"), isAsking: cell<0 | 1>("1 = it asked for a translation") },
  {
    "look up": {
      atomic: "the device's own TLB, and one message",
      does({ transaction, tlb }, s) {
        const slot = tlb.find(null, guestFrame, 2);
        s.isAsking = slot < 0 ? 1 : 0;
        const frame = slot < 0 ? guestFrame : tlb.translations.outputOf(slot);
        const type = slot < 0 ? AddressType.translationRequest : AddressType.translated;
        transaction.begin({ requester, pasid: null, frame, offset: 0, write: true, type });
        return "answered?";
      },
    },
    "answered?": {
      when: ({ transaction }) => transaction.isDone,
      atomic: "an answer is one message; the device's own TLB",
      does({ transaction, tlb, memory, book, seen, writes }, s) {
        const { outcome, frame, allow } = transaction.result;
        transaction.end();
        const passes = outcome === Outcome.passes && (allow & 2) !== 0;
        if (s.isAsking === 1 && passes) {
          tlb.keep(null, { frame: guestFrame, output: frame, sizeLg2: 12, allow }, 0);
          return "look up";
        }
        if (s.isAsking === 0 && passes) {
          memory.store32(frame * frameBytes, s.done + 1);
          if (book.ownerOf(frame - place.pages) !== guest) seen.strayed = 1;
        }
        s.isAsking = 0;
        return ++s.done >= writes ? end : "look up";
      },
    },
  },
);

/** Somebody who takes the page as soon as it is free. */
const taker = program<{ readonly book: PageBook }>()(
  "another domain",
  { none: cell("nothing") },
  {
    take: {
      when: ({ book }) => book.ownerOf(0) === nobody,
      atomic: "a page that is found free is taken under one lock",
      does({ book }) {
        book.give(0, other);
        return end;
      },
    },
  },
);

/** Build the machine, the device's translation not yet asked for. */
export function pageLifetime(o: PageLifetimeOptions): Universe {
  const state = new MachineState(o.onAccess === undefined ? {} : { onAccess: o.onAccess });
  const memory = new Memory(32);
  let tlb: Contract | null = null;
  const unit = new VtdUnit({
    ...{ state, memory, capability, extendedCapability, messages: { send: () => undefined } },
    caches: { devices: 1, spaces: 1, tables: 1, translations: 1 },
    deviceTags: 1,
    deviceTlb: () => tlb,
  });
  const leafAt = buildTables(memory);
  const { registers } = unit;
  registers.write64(at.rtaddr.offset, place.root * frameBytes, 0);
  registers.write32(at.gcmd.offset, 0x4000_0000);
  registers.write64(at.iqa.offset, place.queue * frameBytes, 0);
  registers.write32(at.gcmd.offset, 0x8400_0000);
  const [transaction] = unit.transactions;
  const ats = new DeviceTlb({
    ...{ state, requester, sink: unit, manners: o.manners, depth: 1 },
    isUnderWay: () => transaction!.isUnderWay,
  });
  tlb = ats;
  const book = new PageBook(state, 1);
  book.give(0, guest);
  book.map(0);
  const seen = state.place(Seen);
  memory.noteIn(state);
  const dev = device.start(state, { transaction: transaction!, tlb: ats, memory, book, seen, writes: o.writes ?? 1 });
  const env = {
    ...{ memory, registers, policy: o.policy, book, page: 0, leafAt, requester, did, frame: guestFrame },
    contextAt: place.context * frameBytes + requester * 16,
    queueAt: place.queue * frameBytes,
    statusAt: place.status * frameBytes,
  };
  const hypervisor = giveBack.start(state, env);
  const handler = o.policy.waits ? [] : [completion.start(state, { ...env, of: hypervisor.locals })];
  const others = taker.start(state, { book });
  return {
    state,
    actors: [dev, transaction!, ats, unit.queue, timeOut(state, unit, o.timeOuts ?? 1), hypervisor, ...handler, others],
    always: { "I1: no device writes to a page that is not its domain's": () => seen.strayed === 0 },
    sometimes: {
      "the page has a new owner": () => book.ownerOf(0) === other,
      "the device's TLB keeps what the tables do not say": () =>
        ats.find(null, guestFrame, 2) >= 0 && memory.load32(leafAt) === 0,
    },
    atRest: { "I9: the page is free in the end": () => book.ownerOf(0) === other },
  };
}

const Time = record("time", { spent: cell("how often the unit gave the device up") });

/** The unit gives a device up that owes an answer, sooner or later. */
function timeOut(state: MachineState, unit: VtdUnit, max: number) {
  const time = state.place(Time);
  return {
    name: "time",
    choices: () => (unit.tags.busyCount > 0 && time.spent < max ? 1 : 0),
    step: () => {
      time.spent++;
      unit.queue.timedOut(0);
    },
    label: () => "the device's time is over",
    atomic: () => "a unit's own registers and tags",
  };
}
