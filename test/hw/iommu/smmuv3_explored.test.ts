/** Every run of an SMMUv3, a device that writes, and a driver that unmaps: TLBI and CMD_SYNC, and what is missed without. */
import { expect, test } from "vitest";
import { write } from "../../../src/bits/field.js";
import { explore } from "../../../src/check/explore.js";
import { coarseSteps } from "../../../src/check/granularity.js";
import type { Universe } from "../../../src/check/universe.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import type { Transaction } from "../../../src/hw/iommu/core/transaction.js";
import { Memory } from "../../../src/mem/memory.js";
import { Command, NhVa, Sync } from "../../../src/spec/smmuv3/command_layouts.js";
import { smmuRegisters } from "../../../src/spec/smmuv3/register_map.js";
import { cell, end, type Live, type MachineState, program, record, wide } from "../../../src/state/index.js";
import type { OnAccess } from "../../../src/state/live.js";
import { MachineState as State } from "../../../src/state/machine_state.js";
import { SmmuSoftware } from "./smmu_software.js";

const { registers: at } = smmuRegisters;
const nic = 9;
const limits = { statesMax: 200_000, bytesMax: 2 ** 28 };
const pageAt = 0x3_0000;
const statusAt = 0x2_0000;

const Page = record("page", { freed: cell<0 | 1>("1 = given back"), hit: cell<0 | 1>("1 = written after that") });
interface Device {
  readonly transaction: Transaction;
  readonly memory: Memory;
  readonly page: Live<typeof Page.drafts>;
}

/** A device that writes to one page, twice. */
const device = program<Device>()(
  "device",
  { round: cell("writes done"), frame: wide("page that the last one reached") },
  {
    ask: {
      atomic: "a request is one message on the bus",
      does({ transaction }) {
        const where = { requester: nic, pasid: null, frame: 5, offset: 0 };
        transaction.begin({ ...where, write: true, type: AddressType.untranslated });
        return "write";
      },
    },
    write: {
      when: ({ transaction }) => transaction.isDone,
      atomic: "the bus carries a write and tells the unit in one",
      does({ transaction, memory, page }, s) {
        const { outcome, frame } = transaction.result;
        transaction.end();
        if (outcome === Outcome.passes) {
          memory.store32(frame * 4096, s.round + 1);
          if (page.freed === 1) page.hit = 1;
        }
        return ++s.round === 2 ? end : "ask";
      },
    },
  },
);

/** What the driver waits for before it gives the page back: its CMD_SYNC's message, its commands' consumption, nothing. */
type Waits = "message" | "consumption" | "nothing";

interface Driver {
  readonly memory: Memory;
  readonly software: SmmuSoftware;
  readonly page: Live<typeof Page.drafts>;
  readonly leafAt: number;
  readonly syncs: boolean;
  readonly waits: Waits;
}

/** Linux's strict unmap, step by step: the leaf, both commands, the doorbell, the wait. */
const strictUnmap = program<Driver>()(
  "driver",
  { none: cell("nothing") },
  {
    clear: {
      does({ memory, leafAt }) {
        memory.store64(leafAt, 0, 0);
        return "post";
      },
    },
    post: {
      does({ memory, software }) {
        const words = new Uint32Array(8);
        write(words, 0, NhVa.op, Command.nhVa);
        write(words, 0, NhVa.asid, 7);
        write(words, 0, NhVa.leaf, 1);
        write(words, 0, NhVa.page, 5 as never);
        write(words, 4, Sync.op, Command.sync);
        write(words, 4, Sync.cs, 1);
        write(words, 4, Sync.msiAddress, statusAt / 4);
        write(words, 4, Sync.msiData, 1);
        memory.store(software.commandsAt, words);
        return "ring";
      },
    },
    ring: {
      does({ software, syncs }) {
        software.unit.registers.write32(at.cmdqProd.offset, syncs ? 2 : 1);
        return "free";
      },
    },
    free: {
      when({ memory, software, waits, syncs }) {
        if (waits === "nothing") return true;
        if (waits === "message") return memory.load32(statusAt) === 1;
        return software.unit.registers.get("cmdqCons") === (syncs ? 2 : 1);
      },
      atomic: "giving a page back is one change of its owner",
      does({ page }) {
        page.freed = 1;
        return end;
      },
    },
  },
);

interface Options {
  readonly syncs?: boolean;
  readonly waits?: Waits;
  readonly onAccess?: OnAccess;
}

function machine({ syncs = true, waits = "message", onAccess }: Options = {}): Universe {
  const state: MachineState = new State(onAccess === undefined ? {} : { onAccess });
  const memory = new Memory(64);
  const caches = { devices: 1, spaces: 1, tables: 1, translations: 1 };
  const software = new SmmuSoftware({ memory, state, caches, fetchBits: 512 }).start();
  const table = software.first();
  table.map(0x5000, pageAt, 0x1000, 3);
  software.attach(nic, table, { asid: 7 });
  const leafAt = table.tables.at(-1)! * 4096 + 5 * 8;
  memory.noteIn(state);
  const page = state.place(Page);
  const { unit } = software;
  const [transaction] = unit.transactions;
  const dev = device.start(state, { transaction: transaction!, memory, page });
  const driver = strictUnmap.start(state, { memory, software, page, leafAt, syncs, waits });
  return {
    state,
    actors: [dev, transaction!, unit.queue, driver],
    always: { "a page that was given back is not written": () => page.hit === 0 },
    sometimes: {
      "the device is refused": () => unit.registers.get("eventqProd") !== 0,
      "the page is given back": () => page.freed === 1,
      "a stale translation is used": () => transaction!.result.fromCache && memory.load32(leafAt) === 0,
    },
    atRest: { "the driver is done": () => driver.isDone, "the device is done": () => dev.isDone },
  };
}

const broken = "a page that was given back is not written";

test.each(["message", "consumption"] as const)(
  "a page is kept until nothing reaches it: by the CMD_SYNC's %s",
  (waits) => {
    const found = explore(() => machine({ waits }), limits);
    expect(found).toMatchObject({ complete: true, violated: null });
    expect(found.sometimes).toEqual({
      "the device is refused": true,
      "the page is given back": true,
      "a stale translation is used": true,
    });
  },
);

test("that a TLBI was consumed says nothing: without CMD_SYNC a write under way is overtaken", () => {
  const { violated } = explore(() => machine({ syncs: false, waits: "consumption" }), limits);
  expect(violated?.invariant).toBe(broken);
  const steps = violated!.steps.map((s) => `${s.actor}: ${s.step}`);
  expect(steps).toContain("command queue: carry out: SMMUv3 CMD_TLBI_NH_VA");
  expect(steps.at(-1)).toBe("device: write");
});

test("a page that is given back before CMD_SYNC is waited for is written", () => {
  const { violated } = explore(() => machine({ waits: "nothing" }), limits);
  expect(violated?.invariant).toBe(broken);
});

test("its steps are fine enough", () => {
  expect(coarseSteps((onAccess) => machine({ onAccess }), limits).coarse).toEqual([]);
});
