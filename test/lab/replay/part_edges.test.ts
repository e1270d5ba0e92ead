/** Edges of a replay's parts: whose search it is, what unseen holders are believed to hold, and where telling ends. */
import { describe, expect, test } from "vitest";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { ContiguousAddresses } from "../../../src/lab/replay/contracts/pool_addresses.js";
import { BouncesInBounds } from "../../../src/lab/replay/events/bounces_in_bounds.js";
import { SameBuffer } from "../../../src/lab/replay/events/same_buffer.js";
import { FirstReading } from "../../../src/lab/replay/machine/first_reading.js";
import { DeviceMasks } from "../../../src/lab/replay/machine/masks.js";
import { UnseenHolders } from "../../../src/lab/replay/order/unseen_holders.js";
import { Exactness } from "../../../src/lab/replay/told/exactness.js";
import { Refusals } from "../../../src/lab/replay/told/refusals.js";
import { Context, EventBatch, EventKind } from "../../../src/read/event.js";
import { Pool } from "../../../src/sw/swiotlb/pool.js";
import { made } from "./made.js";

const slot = 2048;

describe("the search of a mapping whose buffer has a bus address of its own", () => {
  const { task, softirq, unknown } = Context;
  /** Searches of the same device, oldest first. @returns which one belongs to 4096 bytes at 0x5000, given 0x9000 */
  const found = (
    searches: readonly { in: number; size?: number; device?: number; orig?: number }[],
    o: number[] = [],
  ) => {
    const maps = new Mappings();
    const numbers = searches.map((s) => {
      const m = made(maps, { size: 4096, ...s });
      maps.context[m] = s.in;
      return m;
    });
    const [context = task, phys = 0x5000, address = 0x9000] = o;
    const same = new SameBuffer(maps, false, new BouncesInBounds({ from: 0x8000, to: 0xa000 }));
    return same.movedSearchOf(numbers, context, 0, 4096, phys, address);
  };
  test.each([
    ["of the same code", [{ in: task }], [], 0],
    ["of other code", [{ in: softirq }], [], -1],
    ["of code that is not known", [{ in: unknown }], [], 0],
    ["asked by code that is not known", [{ in: softirq }], [unknown], 0],
    ["the newest of the same code", [{ in: task }, { in: task }, { in: softirq }], [], 1],
    ["another request of the same code came between", [{ in: task }, { in: task, size: 512 }], [], -1],
    ["of another device", [{ in: task, device: 1 }], [], -1],
    ["at another place inside the page", [{ in: task, orig: 0x1008 }], [], -1],
    ["given the buffer's own address", [{ in: task }], [task, 0x9000, 0x9000], -1],
    ["given the address that was printed", [{ in: task, orig: 0x9000 }], [], -1],
    ["given an address that is not known", [{ in: task }], [task, 0x5000, Number.NaN], 0],
  ])("%s", (_what, searches, o, at) => {
    expect(found(searches, o)).toBe(at);
  });
});

describe("slots whose holders are not seen", () => {
  const setUp = (any: boolean) => {
    const pool = new Pool({ start: 0x10_0000, slots: 128, areas: 1 });
    const holders = new UnseenHolders(pool, any);
    const asked = { count: 0 };
    /** The lowest free slot. */
    const find = () => {
      asked.count++;
      for (let at = 0; at < 128; at++) if (pool.isFree(at)) return at * slot;
      return -1;
    };
    return { pool, holders, find, asked };
  };

  test("what stands before the kernel's choice is taken, as far as nothing is known of it", () => {
    const { pool, holders, find, asked } = setUp(true);
    holders.doubt(find, slot, 0, 3 * slot);
    expect([pool.used, find(), asked.count]).toEqual([3, 3 * slot, 5]);
    holders.known(5 * slot, 1);
    holders.doubt(find, slot, 3 * slot, 9 * slot);
    expect([pool.used, find(), asked.count]).toEqual([5, 5 * slot, 9]);
  });

  test("where all is known, the third doubt in a row of one place takes it, and that alone", () => {
    const { pool, holders, find, asked } = setUp(false);
    const used = [0, 0, slot, 0, 0, 0].map((model) => {
      holders.doubt(find, slot, model, 9 * slot);
      return pool.used;
    });
    // Doubts of the second place break the row. The next place is asked for after the one that was taken.
    expect([used, asked.count]).toEqual([[0, 0, 0, 0, 0, 1], 7]);
  });

  test("what does not fit is not taken, and asked for once", () => {
    const { pool, holders, find, asked } = setUp(true);
    pool.place(slot, 0, 0, slot, 0, 0);
    holders.doubt(find, 2 * slot, 0, 9 * slot);
    expect([pool.used, asked.count]).toEqual([1, 1]);
  });

  test("a full pool: as much as nothing is known of is taken", () => {
    const { pool, holders, find } = setUp(true);
    holders.known(100 * slot, 28 * slot);
    holders.fill(find, slot);
    expect([pool.used, find(), holders.any]).toEqual([100, 100 * slot, true]);
    const known = setUp(false);
    known.holders.fill(known.find, slot);
    expect([known.pool.used, known.asked.count, known.holders.any]).toEqual([0, 0, false]);
  });
});

test("a first reading looks at every entry of a list whose addresses are all there", () => {
  const first = new FirstReading(() => false, false);
  const b = new EventBatch(8);
  const list = (time: number, dma: readonly number[], phys: readonly number[]) => {
    const i = b.blank();
    b.count++;
    b.kind[i] = EventKind.mapList;
    b.time[i] = time;
    b.device[i] = 0;
    for (const at of dma) b.pushDma(i, at, 4096);
    for (const at of phys) b.pushPhys(i, at);
  };
  const lies = () => [first.moved, first.movedBy, first.merged, first.inFirmware];
  const next = (time: number, dma: readonly number[], phys: readonly number[]) => {
    b.clear();
    list(time, dma, phys);
    first.feed(b);
    return lies();
  };
  first.masks.printed(0, 0, 2 ** 32 - 1);
  expect(next(1, [0x1000, 2 ** 33], [0x1000, 2 ** 33])).toEqual([0, 0, false, false]);
  expect(first.masks.at(0, 1).mask).toBe(2 ** 34 - 1);
  expect(next(2, [0x1000], [0x1000, 0x9000])).toEqual([0, 0, true, false]);
  expect(next(3, [0x1000, 0x8000], [0x1000, 0x9000])).toEqual([1, 1, true, false]);
  expect(next(4, [0x1000, 0xa000], [0x2000, 0x9000])).toEqual([3, 2, true, false]);
  expect(next(5, [0xfec0_0000 - 4096, 2 ** 32], [0, 0])).toEqual([5, 2, true, false]);
  expect(next(6, [0xfec0_0000], [0])).toEqual([6, 2, true, true]);
});

describe("how exact the model is", () => {
  const setUp = (o: { completeFrom?: number; learnt?: { time: number; offset: number }[] } = {}) => {
    const maps = new Mappings();
    const exactness = new Exactness({
      ...{ maps, addresses: new ContiguousAddresses(0x10_0000, 2 ** 20), masks: new DeviceMasks(), forced: true },
      ...{ completeFrom: 0, learnt: [], ...o },
    });
    const told = (time: number, kernel: number, model: number) => {
      const m = made(maps, { time, address: 0x10_0000 + kernel });
      exactness.address(m, { model, kernel, agrees: model === kernel, refusal: null });
    };
    return { told, result: () => exactness.finish(0, 0) };
  };

  test("fifty mismatches are told, and all are counted", () => {
    const { told, result } = setUp();
    for (let n = 0; n < 51; n++) told(n, slot, n === 0 ? -1 : 2 * slot);
    const { compared, equal, mismatches } = result();
    expect([compared, equal, mismatches.length]).toEqual([51, 0, 50]);
    expect(mismatches.slice(0, 2).map((m) => [m.time, m.kernel, m.model])).toEqual([
      [0, 0x10_0800, null],
      [1, 0x10_0800, 0x10_1000],
    ]);
  });

  test("from the moment on at which every CPU's events are there, but not what was learnt from", () => {
    const { told, result } = setUp({ completeFrom: 10, learnt: [{ time: 11, offset: slot }] });
    for (const time of [9, 10, 11]) told(time, slot, slot);
    told(11, 2 * slot, slot);
    told(12, -1, slot);
    expect(result()).toMatchObject({ compared: 2, equal: 1, mismatches: [{ time: 11 }] });
    expect(
      result()
        .note?.split("; ")
        .map((note) => note.split(":")[0]),
    ).toEqual([
      "1 bounces lie outside the default pool and are not compared",
      "1 bounce is not compared",
      "1 bounce is not compared",
    ]);
  });
});

test("twenty thousand refusals are told, and that there are more", () => {
  const maps = new Mappings();
  const m = made(maps, {});
  const refusals = new Refusals(maps, null);
  const refused = { model: -1, kernel: -1, agrees: true, refusal: null };
  for (let n = 0; n < 20_000; n++) refusals.add(m, refused);
  expect([refusals.mappings.length, refusals.untold, refusals.warnings]).toEqual([20_000, 0, []]);
  for (let n = 0; n < 3; n++) refusals.add(m, refused);
  expect([refusals.mappings.length, refusals.untold]).toEqual([20_000, 3]);
  expect(refusals.warnings).toEqual([{ where: "", what: "3 more refusals are counted and not told one by one" }]);
});
