/**
 * What Linux's drivers for AMD-Vi and SMMUv3 do when a page goes, each on its own unit: commands in its own queue, its own way
 * to tell that a device was silent.
 *
 * Source: Linux drivers/iommu/amd/iommu.c (domain_flush_pages, wait_on_sem: 100 ms); drivers/iommu/arm/arm-smmu-v3
 * (arm_smmu_atc_inv_domain, poll of 1 s; arm_smmu_cmdq_skip_err leaves CERROR_ATC_INV_SYNC to the queue, which tries again).
 */
import type { DeviceTlb as Contract } from "../../bus/ats.js";
import { explore } from "../../check/explore.js";
import type { Universe } from "../../check/universe.js";
import { DeviceTlb } from "../../hw/iommu/ats/device_tlb.js";
import { Memory } from "../../mem/memory.js";
import { cell, end, MachineState, program, record } from "../../state/index.js";
import { nobody, PageBook } from "../../sw/iommu/lifetime/page_book.js";
import { devicesCompared } from "./comparison.js";
import { device } from "./device.js";
import { ownerOf } from "./layout.js";
import type { PageLifetimeOptions } from "./page_lifetime.js";
import { amdvi, byte, frame, type Parts, requester, smmuv3, tablesOf, type Vendor } from "./vendors.js";
import { ruled, type SearchedCell, Seen } from "./watch.js";

type Actor = Universe["actors"][number];

export type OwnUnit = "linux-amdvi" | "linux-smmuv3";

interface DriverEnv {
  readonly memory: Memory;
  readonly leafAt: number;
  readonly book: PageBook;
  readonly vendor: Vendor;
  /** Its own time may run out. */
  readonly hurries: boolean;
}

const driver = program<DriverEnv>()(
  "driver",
  { none: cell("nothing") },
  {
    "clear the entry": {
      does({ memory, leafAt }) {
        memory.store64(leafAt, 0, 0);
        return "ask";
      },
    },
    ask: {
      atomic: "nobody reads commands before the doorbell, which comes last",
      does({ vendor }) {
        vendor.ask();
        return "answered?";
      },
    },
    "answered?": {
      when: ({ vendor, hurries }) => vendor.isAnswered() || hurries,
      does: () => "give the page back",
    },
    "give the page back": {
      does({ book }) {
        book.free(0);
        return end;
      },
    },
  },
);

/** Somebody who takes the page as soon as it is free. */
const taker = program<{ readonly book: PageBook }>()(
  "another domain",
  { none: cell("nothing") },
  {
    "take the page": {
      when: ({ book }) => book.ownerOf(0) === nobody,
      atomic: "a page that is found free is taken under one lock",
      does({ book }) {
        book.give(0, ownerOf(1));
        return end;
      },
    },
  },
);

const Time = record("time", { spent: cell("how often the unit gave the device up") });

/** One page of a driver, and a device with a TLB of its own that writes to it. */
export function ownUnit(kind: OwnUnit, o: Omit<PageLifetimeOptions, "policy">): Universe {
  const state = new MachineState();
  const memory = new Memory(32);
  for (let n = 0; n < 32; n++) memory.store32(byte(n), 0);
  const timeOuts = o.timeOuts ?? 1;
  let tlb: Contract | null = null;
  const parts: Parts = { state, memory, tlb: () => tlb };
  const isAmd = kind === "linux-amdvi";
  const table = isAmd ? tablesOf(memory, "amdvi-v1", 2) : tablesOf(memory, "smmu-s1-4k", 3);
  const vendor = isAmd ? amdvi(parts, table) : smmuv3(parts, table);
  const { transaction } = vendor;
  const ats = new DeviceTlb({
    ...{ state, requester, sink: vendor.sink, manners: o.manners, depth: 1 },
    isUnderWay: () => transaction.isUnderWay,
  });
  tlb = ats;
  const book = new PageBook(state, 1);
  book.give(0, ownerOf(0));
  const seen = state.place(Seen);
  const presence = state.place(record("the slot", { present: cell<0 | 1>("1 = the device is there", 1) }));
  const time = state.place(Time);
  const leafAt = byte(table.tables.at(-1)!) + frame * 8;
  memory.noteIn(state);
  const options = { requester, domain: 0, manners: o.manners, writes: [frame], leaves: o.leaves ?? false };
  const env = { options, transaction, tlb: ats, memory, book, seen, presence };
  const leafNow = () => (memory.load32(leafAt) === 0 ? -1 : 0);
  const dev = device.start(state, { ...env, leafNow, works: () => ownerOf(0), isOn: () => true });
  const kernel = driver.start(state, { memory, leafAt, book, vendor, hurries: o.hurries ?? timeOuts > 0 });
  const next = taker.start(state, { book });
  const clock: Actor = {
    name: "time",
    choices: () => (vendor.isOwed() && time.spent < timeOuts && (o.leaves !== true || presence.present === 0) ? 1 : 0),
    label: () => "the device's time is over",
    step: () => {
      time.spent++;
      vendor.timedOut();
    },
    atomic: () => "a unit's own tags and queue",
  };
  return {
    state,
    actors: [dev, transaction, ats, ...vendor.actors, ...(timeOuts > 0 ? [clock] : []), kernel, next],
    always: { [ruled("I1")]: () => seen.strayed === 0 },
    sometimes: { "the page has a new owner": () => book.ownerOf(0) === ownerOf(1) },
    atRest: { [ruled("I9")]: () => next.isDone },
  };
}

export interface ComparedUnit {
  readonly policy: OwnUnit;
  /** The driver's own time may run out; false: it waits for its queue, however long. */
  readonly hurries: boolean;
  /** In the order of `devicesCompared`. */
  readonly cells: readonly SearchedCell[];
}

const limits = { statesMax: 50_000, bytesMax: 2 ** 27 } as const;

export function compareUnit(policy: OwnUnit, hurries: boolean): ComparedUnit {
  const rules = ["I1", "I9"] as const;
  const cells = Object.values<Omit<PageLifetimeOptions, "policy">>(devicesCompared).map((d) => {
    const o = { ...d, hurries: hurries && d.timeOuts !== 0 };
    const found = explore(() => ownUnit(policy, o), limits, { auditEvery: 0, goesOn: true });
    const broken = rules.flatMap((rule) =>
      found.violations.filter((v) => v.invariant === ruled(rule)).map(({ steps }) => ({ rule, steps: steps.length })),
    );
    return { broken, states: found.states, complete: found.bounded === null };
  });
  return { policy, hurries, cells };
}

export const compareUnits = (): readonly ComparedUnit[] =>
  (["linux-amdvi", "linux-smmuv3"] as const).flatMap((policy) => [true, false].map((h) => compareUnit(policy, h)));
