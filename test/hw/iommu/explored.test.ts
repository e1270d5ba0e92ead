/** Every run of a unit, a device that writes, and a driver that unmaps: the smallest machine of strict unmapping. */
import { expect, test } from "vitest";
import { write } from "../../../src/bits/field.js";
import { explore } from "../../../src/check/explore.js";
import { coarseSteps } from "../../../src/check/granularity.js";
import type { Universe } from "../../../src/check/universe.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import type { Transaction } from "../../../src/hw/iommu/core/transaction.js";
import { Memory } from "../../../src/mem/memory.js";
import { DescriptorType, InvalidationWait, IotlbInvalidate } from "../../../src/spec/vtd/descriptors.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { cell, end, type Live, type MachineState, program, record, wide } from "../../../src/state/index.js";
import type { OnAccess } from "../../../src/state/live.js";
import { MachineState as State } from "../../../src/state/machine_state.js";
import { VtdSoftware } from "./vtd_software.js";

const { registers: at } = vtdRegisters;
const nic = 0x18;
const limits = { statesMax: 200_000, bytesMax: 2 ** 28 };
const pageAt = 0x3_0000;

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
        const request = {
          requester: nic,
          pasid: null,
          frame: 5,
          offset: 0,
          write: true,
          type: AddressType.untranslated,
        };
        transaction.begin(request);
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

interface Driver {
  readonly memory: Memory;
  readonly software: VtdSoftware;
  readonly page: Live<typeof Page.drafts>;
  readonly leafAt: number;
  readonly queueAt: number;
  readonly drains: boolean;
  readonly waits: boolean;
}

/** Linux's strict unmap, step by step. */
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
      does({ memory, queueAt, drains }) {
        const words = new Uint32Array(8);
        write(words, 0, IotlbInvalidate.type, DescriptorType.iotlb);
        write(words, 0, IotlbInvalidate.g, 3);
        write(words, 0, IotlbInvalidate.did, 7);
        write(words, 0, IotlbInvalidate.page, 5 as never);
        write(words, 0, IotlbInvalidate.dw, drains ? 1 : 0);
        write(words, 4, InvalidationWait.type, DescriptorType.wait);
        write(words, 4, InvalidationWait.sw, 1);
        write(words, 4, InvalidationWait.data, 1);
        write(words, 4, InvalidationWait.at, statusAt);
        memory.store(queueAt, words);
        return "ring";
      },
    },
    ring: {
      does({ software }) {
        software.unit.registers.write64(at.iqt.offset, 32, 0);
        return "free";
      },
    },
    free: {
      when: ({ memory, waits }) => !waits || memory.load32(statusAt) === 1,
      atomic: "giving a page back is one change of its owner",
      does({ page }) {
        page.freed = 1;
        return end;
      },
    },
  },
);

const statusAt = 0x2_0000;

function machine(
  o: { readonly drains?: boolean; readonly waits?: boolean; readonly onAccess?: OnAccess } = {},
): Universe {
  const { drains = true, waits = true, onAccess } = o;
  const state: MachineState = new State(onAccess === undefined ? {} : { onAccess });
  const memory = new Memory(64);
  const caches = { devices: 1, spaces: 1, tables: 1, translations: 1 };
  const software = new VtdSoftware({ memory, state, caches }).start();
  const table = software.domain();
  table.map(0x5000, pageAt, 0x1000, 3);
  software.attach(nic, { table: table.root.address, did: 7 });
  const leafAt = table.tables.at(-1)! * 4096 + 5 * 8;
  memory.noteIn(state);
  const page = state.place(Page);
  const { unit } = software;
  const [transaction] = unit.transactions;
  const queueAt = unit.registers.get("iqa");
  const dev = device.start(state, { transaction: transaction!, memory, page });
  const driver = strictUnmap.start(state, { memory, software, page, leafAt, queueAt, drains, waits });
  return {
    state,
    actors: [dev, transaction!, unit.queue, driver],
    always: { "a page that was given back is not written": () => page.hit === 0 },
    sometimes: {
      "the device is refused": () => unit.registers.get("fsts") !== 0,
      "the page is given back": () => page.freed === 1,
      "a stale translation is used": () => transaction!.result.fromCache && memory.load32(leafAt) === 0,
    },
    atRest: { "the driver is done": () => driver.isDone, "the device is done": () => dev.isDone },
  };
}

test("strict unmapping keeps a page until nothing reaches it", () => {
  const found = explore(() => machine(), limits);
  expect(found).toMatchObject({ complete: true, violated: null });
  expect(found.sometimes).toEqual({
    "the device is refused": true,
    "the page is given back": true,
    "a stale translation is used": true,
  });
});

test("a page that is given back before the wait is answered is written", () => {
  const { violated } = explore(() => machine({ waits: false }), limits);
  expect(violated?.invariant).toBe("a page that was given back is not written");
});

test("without draining, a write under way is overtaken by the answer", () => {
  const { violated } = explore(() => machine({ drains: false }), limits);
  expect(violated?.steps.map((s) => `${s.actor}: ${s.step}`)).toContain("invalidation queue: store the status");
});

test("its steps are fine enough", () => {
  expect(coarseSteps((onAccess) => machine({ onAccess }), limits).coarse).toEqual([]);
});
