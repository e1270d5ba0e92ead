/**
 * A guest gives a page back while its device, which keeps translations of its own, writes; somebody else takes the page.
 * Then the guest has another page put at the same address.
 *
 * Hardware is the unit and the device's TLB as they run; software is a policy of `sw/iommu/lifetime`. What D2 is about.
 */
import { frameBytes } from "../../base/frame.js";
import type { Universe } from "../../check/universe.js";
import type { Manners } from "../../hw/iommu/ats/device_tlb.js";
import { cell, end, type OnAccess, program } from "../../state/index.js";
import { completion, giveBack, listens } from "../../sw/iommu/lifetime/give_back.js";
import { nobody, type PageBook } from "../../sw/iommu/lifetime/page_book.js";
import type { ReleasePolicy } from "../../sw/iommu/lifetime/policies.js";
import { type Kernel, protocol } from "../../sw/iommu/lifetime/protocol.js";
import { machineFacts } from "./facts.js";
import { type MachineOptions, ownerOf, place } from "./layout.js";
import { buildMachine } from "./machine.js";
import { type Rule, ruled } from "./watch.js";

export const requester = 0x18;
/** The guest's frame. */
export const guestFrame = 5;
export const guest = ownerOf(0);
export const other = ownerOf(1);

export interface PageLifetimeOptions {
  readonly policy: ReleasePolicy;
  /** How the device answers. */
  readonly manners: Manners;
  /** Writes of the device. Default 1: the one that strays needs no other. */
  readonly writes?: number;
  /**
   * How often the unit gives the device up, at most. Default 1; who is never answered waits for ever after that. With 0 all
   * answers come in time, and nobody gives up.
   */
  readonly timeOuts?: number;
  /** Software's own time may run out, where the policy has one. Default: where the unit's may. */
  readonly hurries?: boolean;
  /** The device is pulled out once it has a translation. Default false. */
  readonly leaves?: boolean;
  /** The guest has another page put where the first was. Default true. */
  readonly populates?: boolean;
  readonly onAccess?: OnAccess;
}

/** The guest: gives its page back, and has another put at the same address as soon as it runs again. */
const guestProgram = program<{ readonly kernel: Kernel; readonly leafAt: number; readonly populates: boolean }>()(
  "guest",
  { none: cell("nothing") },
  {
    "give the page back": {
      does({ kernel, populates }) {
        kernel.call.stage = 1;
        return populates ? "put another page there" : end;
      },
    },
    "put another page there": {
      when: ({ kernel: { call } }) => call.stage === 2 && call.paused === 0,
      atomic: "the entry and its account change under one lock",
      does({ kernel: { memory, book }, leafAt }) {
        memory.store(leafAt, [((place.pages + 1) * frameBytes) | 3, 0]);
        book.map(1);
        return end;
      },
    },
  },
);

export const pageIsGiven = "the page has a new owner";
export const callReturns = "the hypervisor has done what it was asked";
export const guestGoesOn = "the guest has gone on";
export const writesElsewhere = "the device writes where the guest no longer looks";
export const writesToOther = "the device writes to another domain's page";
export const ledToOther = "the page has a new owner, and the device's TLB leads to it";
export const allIsOver = "all is over";

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
  const timeOuts = o.timeOuts ?? 1;
  const machine: MachineOptions = {
    domains: [{ did: 1, maps: [{ frame: guestFrame, page: 0 }] }],
    devices: [
      {
        ...{ requester, domain: 0, manners: o.manners, leaves: o.leaves ?? false },
        writes: Array.from({ length: o.writes ?? 1 }, () => guestFrame),
      },
    ],
    ...{ pages: 2, timeOuts },
    ...(o.onAccess !== undefined && { onAccess: o.onAccess }),
  };
  const m = buildMachine(machine);
  const { state, memory, book, seen, kernel, watch } = m;
  const site = m.site(0, guestFrame);
  const policy: ReleasePolicy = !(o.hurries ?? timeOuts > 0) ? { ...o.policy, patience: "endless" } : o.policy;
  const handles = listens(policy);
  if (handles) m.ring.listen();
  memory.noteIn(state);
  const hypervisor = protocol("hypervisor", giveBack(policy, site)).start(state, kernel);
  const of = [{ caller: hypervisor.locals, site }];
  const handler = handles ? [completion.start(state, { kernel, interrupt: m.interrupt, of })] : [];
  const domU = guestProgram.start(state, { kernel, leafAt: site.leafAt, populates: o.populates ?? true });
  const { tlb } = m.devices[0]!;
  /** The page that the device's TLB leads to; -1: none. */
  const keptPage = () => {
    const slot = tlb?.find(null, guestFrame, 2) ?? -1;
    return slot < 0 ? -1 : tlb!.translations.outputOf(slot) - place.pages;
  };
  return {
    state,
    actors: [...m.hardware, domU, hypervisor, ...handler, taker.start(state, { book })],
    always: {
      [ruled("I1")]: () => seen.strayed === 0,
      [ruled("I3")]: () => seen.unproved === 0,
      [ruled("I7")]: () => watch.hasOwnWords(),
      [ruled("I8")]: () => seen.unfenced === 0,
      [ruled("view")]: () => seen.split === 0,
    } satisfies Readonly<Record<string, () => boolean>>,
    facts: () => machineFacts(m, machine),
    sometimes: {
      [pageIsGiven]: () => book.ownerOf(0) === other,
      [callReturns]: () => hypervisor.isDone,
      [guestGoesOn]: () => domU.isDone,
      [allIsOver]: () => book.ownerOf(0) === other && domU.isDone && hypervisor.isDone && watch.isQueueEmpty(),
      [writesElsewhere]: () => seen.split === 1,
      [writesToOther]: () => seen.strayed === 2,
      [ledToOther]: () => book.ownerOf(0) === other && keptPage() === 0,
      "the device's TLB keeps what the tables do not say": () => keptPage() >= 0 && memory.load32(site.leafAt) === 0,
    },
    atRest: { [ruled("I9")]: () => book.ownerOf(0) === other && domU.isDone },
  };
}

/** The rules that are looked at here. */
export const lifetimeRules: readonly Rule[] = ["I1", "I3", "I7", "I8", "I9", "view"];
