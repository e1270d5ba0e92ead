/**
 * Every run of an AMD-Vi unit, a device that writes, and processors that unmap: strict unmapping, and a completion wait that
 * one of them leaves out because another one's is under way (CVE-2026-68329).
 */
import { expect, test } from "vitest";
import { write } from "../../../src/bits/field.js";
import { explore } from "../../../src/check/explore.js";
import { coarseSteps } from "../../../src/check/granularity.js";
import type { Universe } from "../../../src/check/universe.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import type { Transaction } from "../../../src/hw/iommu/core/transaction.js";
import { Memory } from "../../../src/mem/memory.js";
import * as C from "../../../src/spec/amdvi/commands.js";
import { amdviRegisters } from "../../../src/spec/amdvi/register_map.js";
import { cell, end, type Live, program, record, wide } from "../../../src/state/index.js";
import type { OnAccess } from "../../../src/state/live.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { long } from "../../tier.js";
import { AmdviSoftware } from "./amdvi_software.js";

const { registers: at } = amdviRegisters;
const nic = 0x18;
const limits = { statesMax: 400_000, bytesMax: 2 ** 29 };
const pageAt = 0x3_0000;
const did = 7;

/** What processors share: a lock, the wait's last number, and whether a wait is still needed. */
const Shared = record("driver", {
  lock: cell<0 | 1>("1 = held"),
  posted: cell("commands posted so far"),
  sequence: cell("number of the last completion wait"),
  needsSync: cell<0 | 1>("1 = commands were posted since the last completion wait"),
});
const Page = record("page", { freed: cell<0 | 1>("1 = given back"), hit: cell<0 | 1>("1 = written after that") });
type Pages = readonly Live<typeof Page.drafts>[];

interface Device {
  readonly transaction: Transaction;
  readonly memory: Memory;
  readonly pages: Pages;
  readonly writes: number;
}

/** A device that writes to the first page. */
const device = program<Device>()(
  "device",
  { round: cell("writes done"), frame: wide("page that the last one reached") },
  {
    ask: {
      atomic: "a request is one message on the bus",
      does({ transaction }) {
        const type = AddressType.untranslated;
        transaction.begin({ requester: nic, pasid: null, frame: 5, offset: 0, write: true, type });
        return "write";
      },
    },
    write: {
      when: ({ transaction }) => transaction.isDone,
      atomic: "the bus carries a write and tells the unit in one",
      does({ transaction, memory, pages, writes }, s) {
        const { outcome, frame } = transaction.result;
        transaction.end();
        if (outcome === Outcome.passes) {
          memory.store32(frame * 4096, s.round + 1);
          const page = pages[frame - pageAt / 4096]!;
          if (page.freed === 1) page.hit = 1;
        }
        return ++s.round === writes ? end : "ask";
      },
    },
  },
);

interface Cpu {
  readonly memory: Memory;
  readonly software: AmdviSoftware;
  readonly shared: Live<typeof Shared.drafts>;
  readonly page: Live<typeof Page.drafts>;
  /** Frame of the bus address that it unmaps, and its leaf. */
  readonly frame: number;
  readonly leafAt: number;
  /** No completion wait is posted: the page is given back when the doorbell was rung. */
  readonly waits: boolean;
  /** It is left out when no commands were posted since the last one, whoever posted that and whether it is done or not. */
  readonly elides: boolean;
}

/** Linux's unmap: the entry is cleared, invalidated, waited for, and the page given back. */
const unmap = program<Cpu>()(
  "processor",
  { mine: cell("number of its completion wait; 0 = none") },
  {
    clear: {
      does({ memory, leafAt }) {
        memory.store64(leafAt, 0, 0);
        return "post";
      },
    },
    post: {
      when: ({ shared }) => shared.lock === 0,
      atomic: "under the driver's lock, which is taken with it",
      does({ software, shared, frame }) {
        shared.lock = 1;
        const words = new Uint32Array(4);
        write(words, 0, C.InvalidatePages.opcode, C.Opcode.invalidatePages);
        write(words, 0, C.InvalidatePages.did, did);
        write(words, 0, C.InvalidatePages.page, frame as never);
        software.memory.store(software.commandsAt + shared.posted * 16, words);
        return "ring";
      },
    },
    ring: {
      atomic: "what the lock covers is the driver's own",
      does({ software, shared, waits }) {
        software.unit.registers.write64(at.cmdTail.offset, ++shared.posted * 16, 0);
        shared.needsSync = 1;
        shared.lock = 0;
        return waits ? "wait" : "free";
      },
    },
    wait: {
      when: ({ shared }) => shared.lock === 0,
      atomic: "under the driver's lock, which is taken with it",
      does({ software, shared, elides }, s) {
        if (elides && shared.needsSync === 0) return "free";
        shared.lock = 1;
        const words = new Uint32Array(4);
        s.mine = ++shared.sequence;
        write(words, 0, C.CompletionWait.opcode, C.Opcode.completionWait);
        write(words, 0, C.CompletionWait.s, 1);
        write(words, 0, C.CompletionWait.at, software.statusAt / 8);
        write(words, 0, C.CompletionWait.dataLow, s.mine);
        software.memory.store(software.commandsAt + shared.posted * 16, words);
        return "ring the wait";
      },
    },
    "ring the wait": {
      atomic: "what the lock covers is the driver's own",
      does({ software, shared }) {
        software.unit.registers.write64(at.cmdTail.offset, ++shared.posted * 16, 0);
        shared.needsSync = 0;
        shared.lock = 0;
        return "free";
      },
    },
    free: {
      when: ({ software, memory }, s) => memory.load32(software.statusAt) >= s.mine,
      atomic: "giving a page back is one change of its owner",
      does({ page }) {
        page.freed = 1;
        return end;
      },
    },
  },
);

interface Kind {
  readonly cpus?: number;
  readonly writes?: number;
  readonly waits?: boolean;
  readonly elides?: boolean;
  readonly onAccess?: OnAccess;
}

function machine({ cpus = 1, writes = 2, waits = true, elides = false, onAccess }: Kind = {}): Universe {
  const state = new MachineState(onAccess === undefined ? {} : { onAccess });
  const memory = new Memory(64);
  const caches = { devices: 1, spaces: 1, tables: 1, translations: 1 };
  const software = new AmdviSoftware({ memory, state, caches }).start();
  const table = software.domain();
  table.map(0x5000, pageAt, cpus * 0x1000, 3);
  software.attach(nic, { table: table.root.address, did });
  const leavesAt = table.tables.at(-1)! * 4096;
  memory.noteIn(state);
  const pages = Array.from({ length: cpus }, (_, n) => state.place(Page, `page ${n + 1}`));
  const shared = state.place(Shared);
  const { unit } = software;
  const [transaction] = unit.transactions;
  const dev = device.start(state, { transaction: transaction!, memory, pages, writes });
  const drivers = pages.map((page, n) => {
    const leafAt = leavesAt + (5 + n) * 8;
    const env = { memory, software, shared, page, frame: 5 + n, leafAt, waits, elides };
    return unmap.start(state, env, `processor ${n + 1}`);
  });
  return {
    state,
    actors: [dev, transaction!, unit.queue, ...drivers],
    always: { "a page that was given back is not written": () => pages.every((p) => p.hit === 0) },
    sometimes: {
      "the device is refused": () => unit.registers.get("evtTail") !== 0,
      "all pages are given back": () => pages.every((p) => p.freed === 1),
      "a stale translation is used": () => transaction!.result.fromCache && memory.load32(leavesAt + 5 * 8) === 0,
    },
    atRest: { "the drivers are done": () => drivers.every((d) => d.isDone), "the device is done": () => dev.isDone },
  };
}

const all = {
  "the device is refused": true,
  "all pages are given back": true,
  "a stale translation is used": true,
};

test("strict unmapping keeps a page until nothing reaches it", () => {
  const found = explore(() => machine(), limits);
  expect(found).toMatchObject({ complete: true, violated: null, sometimes: all });
});

test("a page that is given back with no completion wait is written", () => {
  const { violated } = explore(() => machine({ waits: false }), limits);
  expect(violated?.invariant).toBe("a page that was given back is not written");
});

test.skipIf(!long)("two processors, each with a wait of its own: no page is written", () => {
  const found = explore(() => machine({ cpus: 2 }), limits);
  expect(found).toMatchObject({ complete: true, violated: null, sometimes: all });
});

test("a wait that is left out because another one's is under way: the page is written", () => {
  const { violated } = explore(() => machine({ cpus: 2, elides: true }), limits);
  expect(violated?.invariant).toBe("a page that was given back is not written");
  const steps = violated!.steps.map((s) => `${s.actor}: ${s.step}`);
  const rung = steps.indexOf("processor 2: ring the wait");
  const left = steps.indexOf("processor 1: wait");
  expect(rung).toBeGreaterThan(-1);
  expect(left).toBeGreaterThan(rung);
  expect(steps).not.toContain("processor 1: ring the wait");
});

test("its steps are fine enough", () => {
  expect(coarseSteps((onAccess) => machine({ onAccess }), limits).coarse).toEqual([]);
});
