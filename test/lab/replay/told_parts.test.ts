/** Parts that tell what happened, each against a plain account of the same, or whole, with every number at its edge. */
import { describe, expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { Outcome } from "../../../src/lab/replay/contracts/operation.js";
import { EarlyEnds } from "../../../src/lab/replay/events/early_ends.js";
import type { Machine } from "../../../src/lab/replay/machine/machine.js";
import { DeviceMasks } from "../../../src/lab/replay/machine/masks.js";
import { lastByteReached } from "../../../src/lab/replay/other_pools/last_byte_reached.js";
import { Exactness } from "../../../src/lab/replay/told/exactness.js";
import { isSizeOf, LogRefusals, logAhead, refusalsSaid } from "../../../src/lab/replay/told/log_refusals.js";
import { Occupancy } from "../../../src/lab/replay/told/occupancy.js";
import { PoolUse } from "../../../src/lab/replay/told/pool_use.js";
import { Refusals } from "../../../src/lab/replay/told/refusals.js";
import { TryCounter } from "../../../src/lab/replay/told/refused_tries.js";
import { RequestSummary, requestRefusalWords } from "../../../src/lab/replay/told/request_summary.js";
import { SlotMapBuilder, TimelineBuilder } from "../../../src/lab/replay/told/timeline.js";
import { UnknownOutcomes } from "../../../src/lab/replay/told/unknown_outcomes.js";
import { made } from "./made.js";

const line = (time: number, device: string | null, size: number | null, used: number | null = 500) => ({
  ...{ time, device, size, total: used === null ? null : 512, used },
});

describe("lines of a log", () => {
  test("a size is the request's, with what an alignment adds at most", () => {
    expect([4095, 4096, 4096 + 0xffff, 4096 + 0x10000, null].map((n) => isSizeOf(n, 4096))).toEqual([
      ...[false, true, true, false, true],
    ]);
  });

  test("what was said of a device and a size is said of no other", () => {
    const said = refusalsSaid([line(1, "a", 4096), line(2, "b", null), line(3, null, 512)], ["a", "b"]);
    const asked = [0, 1, 2].flatMap((d) => [512, 4096, 8192].map((size) => said(d, size)));
    expect(asked).toEqual([true, true, false, true, true, true, false, false, false]);
    expect([0, 1, 2].flatMap((d) => [512, 4096, 8192].map((size) => said(d, size)))).toEqual(asked);
  });

  test("each tells of one request, from a little before it to a while after it", () => {
    const times = [-50_001, -50_000, -1, 0, 1999, 2000, 2001];
    const found = times.map((ahead) => new LogRefusals([line(1e6, "a", 4096)]).of("a", 1e6 + ahead, 4096) !== null);
    expect(found).toEqual([false, true, true, true, true, true, false]);
    const refusals = new LogRefusals([line(30, "a", 512), line(20, null, 4096), line(10, "a", 4096)], 100);
    const of = [4096, 4096, 4096, 512, 512].map((size) => refusals.of("a", 105, size)?.time ?? null);
    expect([of, refusals.matched, refusals.unmatched]).toEqual([[110, 120, null, 130, null], 3, 0]);
  });

  test("a clock that is ahead", () => {
    const request = (time: number, device = "a", size = 4096) => ({ time, device, size });
    const lines = (count: number, gap = 200_000) => Array.from({ length: count }, (_, k) => line(k * gap, "a", 4096));
    const asked = (count: number, ahead: number, gap = 200_000) =>
      Array.from({ length: count }, (_, k) => request(k * gap + ahead));
    const rows: readonly (readonly [string, number])[] = [
      ["two lines", logAhead(lines(2), asked(2, 7e6))],
      ["three lines", logAhead(lines(3), asked(3, 7e6))],
      ["behind", logAhead(lines(5), asked(5, -7e6))],
      ["as far as two boots", logAhead(lines(3, 0), asked(3, 60e6, 0))],
      ["further", logAhead(lines(3, 0), asked(3, 60e6 + 1, 0))],
      ["no request", logAhead(lines(5), [])],
      [
        "another device's",
        logAhead(
          lines(5),
          asked(5, 7e6).map((r) => ({ ...r, device: "b" })),
        ),
      ],
      [
        "smaller lines",
        logAhead(
          lines(5),
          asked(5, 7e6).map((r) => ({ ...r, size: 8192 })),
        ),
      ],
      [
        "no device is named",
        logAhead(
          lines(5).map((l) => ({ ...l, device: null })),
          asked(5, 7e6),
        ),
      ],
      ["half agree", logAhead(lines(6), [...asked(6, 7e6), ...asked(3, 0)])],
      ["fewer agree", logAhead(lines(6), [...asked(6, 7e6), ...asked(2, 0)])],
      ["near, a little early", logAhead(lines(4), asked(4, 2000))],
      ["near, too early", logAhead(lines(4), asked(4, 2001))],
      ["near, late", logAhead(lines(4), asked(4, -50_000))],
      ["not near, later", logAhead(lines(4), asked(4, -50_001))],
      ["three of five", logAhead(lines(5, 1.1e6), asked(3, 7e6, 1.1e6))],
      ["three of six", logAhead(lines(6, 1.1e6), asked(3, 7e6, 1.1e6))],
      ["a rival", logAhead(lines(5, 1.1e6), [...asked(5, 7e6, 1.1e6), ...asked(4, 9.3e6, 1.1e6)])],
      ["a weak rival", logAhead(lines(5, 1.1e6), [...asked(5, 7e6, 1.1e6), ...asked(1, 9.3e6, 1.1e6)])],
      ["a neighbour", logAhead(lines(5, 1.1e6), [...asked(5, 7e6, 1.1e6), ...asked(5, 7.05e6, 1.1e6)])],
      [
        "more than are looked at",
        logAhead([...lines(40), ...lines(40).map((l) => ({ ...l, time: -9e9 }))], asked(40, 7e6)),
      ],
    ];
    expect(rows.map(([name, ahead]) => `${name}: ${ahead}`).join("\n")).toMatchSnapshot();
  });

  test("requests and what a log says of them, summed up", () => {
    const maps = new Mappings();
    const refusals = [line(10, "a", 4096), line(20, "a", 512, null), line(30, null, 2048), line(9e9, "b", 512)];
    const log = { kernel: null, swiotlb: null, cpus: null, areas: null, pool: null, drivers: new Map(), refusals };
    const summaries = [true, false, null].map((forced) => {
      const machine = { pool: forced === null ? null : { forced } } as Machine;
      const told = forced === null ? null : { ...log, refusalsSuppressed: 4 };
      const all = new RequestSummary({ maps, machine, log: told, names: ["a", "b"], logAhead: 0 });
      const asks = [
        ...[
          { device: 0, size: 4096 },
          { device: 0, size: 512 },
          { device: 1, size: 2048 },
          { device: 2, size: 96 },
        ],
        { device: 0, size: 4096 },
      ];
      for (const ask of asks) all.mapped(made(maps, { time: 5, mask: 2 ** 32 - 1, bounced: true, ...ask }));
      return { maps: all.maps, ...all.finish() };
    });
    expect(JSON.stringify(summaries, null, 1)).toMatchSnapshot();
    const words = [
      [512, 500],
      [512, null],
      [null, 500],
      [null, null],
    ].map(([total, used]) => {
      return requestRefusalWords({ time: 0, device: 0, size: 4097, total: total!, used: used! });
    });
    expect(words).toEqual([
      "the log says that 500 of 512 slots were in use; 3 were asked for",
      ...Array(3).fill("the log says that the pool was full; 3 slots were asked for"),
    ]);
  });
});

test("who holds which slots, as a table of slots says it", () => {
  const rng = new Rng(3);
  const slots = 300;
  const o = new Occupancy(slots);
  const table: { device: number; taking: number; since: number }[] = [];
  const takings: { slot: number; count: number; taking: number }[] = [];
  let [most, when] = [0, Number.NaN];
  for (let time = 1; time < 300; time++) {
    const gone = rng.below(3) === 0 ? takings.splice(rng.below(takings.length || 1), 1)[0] : undefined;
    if (gone === undefined) {
      const [slot, count, device] = [rng.below(slots), 1 + rng.below(9), rng.below(4) - 1];
      const taking = o.take(slot, count, device, time);
      takings.push({ slot, count, taking });
      for (let s = slot; s < Math.min(slots, slot + count); s++) table[s] = { device, taking, since: time };
    } else {
      o.give(gone.slot, gone.count, gone.taking);
      for (let s = gone.slot; s < gone.slot + gone.count; s++) if (table[s]?.taking === gone.taking) delete table[s];
    }
    const held = table.filter(() => true);
    if (held.length > most) [most, when] = [held.length, time];
    expect([o.used, o.hiwater, o.hiwaterTime]).toEqual([held.length, most, when]);
    const by = [0, 1, 2, 5].map((d) => held.filter((h) => h.device === d).length);
    expect([0, 1, 2, 5].map((d) => o.heldBy(d))).toEqual(by);
    if (time % 20 > 0) continue;
    const runs = (same: (a: number, b: number) => boolean) => {
      const found: { slot: number; count: number; device: number; begin: number }[] = [];
      for (let s = 0; s < slots; s++) {
        const { device, since } = table[s] ?? { device: 0, since: 0 };
        if (table[s] === undefined) continue;
        if (s > 0 && table[s - 1] !== undefined && same(s - 1, s)) found.at(-1)!.count++;
        else found.push({ slot: s, count: 1, device, begin: since });
      }
      return found;
    };
    expect([...o.living()]).toEqual(runs((a, b) => table[a]!.taking === table[b]!.taking));
    const picture = runs((a, b) => table[a]!.device === table[b]!.device).map(({ begin: _, ...run }) => run);
    expect(o.picture()).toEqual(picture);
    let longest = 0;
    for (let s = 0, run = 0; s < slots; s++) {
      run = table[s] === undefined ? (s % 128 === 0 ? 1 : run + 1) : 0;
      longest = Math.max(longest, run);
    }
    expect(o.longestRun()).toBe(longest);
  }
});

test("use over time, in bins", () => {
  const rng = new Rng(8);
  const [from, to] = [5000, 5000 + 1024 * 10];
  const t = new TimelineBuilder(from, to);
  const steps: { time: number; used: number }[] = [];
  const failures = new Array<number>(1024).fill(0);
  for (let time = from; time < to + 500; time += rng.below(40)) {
    const used = rng.below(99);
    t.used(time, used);
    steps.push({ time, used });
    if (rng.below(5) > 0) continue;
    t.failure(time);
    failures[Math.min(1023, Math.floor((time - from) / 10))]!++;
  }
  const { most, fewest, failures: told, width } = t.finish(to);
  expect(width).toBe(10);
  expect([...told]).toEqual(failures);
  const bin = ({ time }: { time: number }) => Math.min(1023, Math.floor((time - from) / 10));
  for (let b = 0; b < 1024; b++) {
    const inside = steps.filter((s) => bin(s) === b).map((s) => s.used);
    // What was held when it began counts too.
    const before = steps.findLast((s) => bin(s) < b);
    if (before !== undefined) inside.push(before.used);
    expect([most[b], fewest[b]]).toEqual([Math.max(...inside), Math.min(...inside)]);
  }
  expect(new TimelineBuilder(7, 7).finish(7)).toMatchObject({ from: 7, width: 1 });
});

test.each([4096, 4097, 8192])("a map of %d slots by time", (slots) => {
  const b = new SlotMapBuilder(1000, 1000 + 800 * 4, slots);
  const perRow = slots <= 4096 ? 1 : 8;
  const held = [
    ...[
      [300, 2, 0, 1000, 1003],
      [300, 9, 1, 1004, 1044],
      [5, 1, 300, 900, 1000],
      [127, 1, 2, 4100, 9999],
    ],
    [384, 16, 254, 1100, 1100],
  ] as const;
  const cells = new Map<string, number>();
  const column = (time: number) => Math.min(799, Math.max(0, Math.floor((time - 1000) / 4)));
  for (const [from, count, device, begin, end] of held) {
    b.held(from, count, device, begin, end);
    for (let s = from; s < from + count; s += perRow) {
      for (let c = column(begin); c <= column(end); c++) {
        cells.set(`${s - (s % perRow)} ${c}`, Math.min(255, device + 1));
      }
    }
  }
  const map = b.finish();
  expect([map.columns, map.slotsPerRow, map.width, map.from]).toEqual([800, perRow, 4, 1000]);
  const sets = [0, 2, 3].flatMap((set) => Array.from({ length: 128 / perRow }, (_, r) => set * 128 + r * perRow));
  expect([map.rows, [...map.rowSlots]]).toEqual([sets.length, sets]);
  const seen = new Map<string, number>();
  map.cells.forEach((colour, k) => {
    if (colour > 0) seen.set(`${map.rowSlots[Math.floor(k / 800)]} ${k % 800}`, colour);
  });
  expect([...seen].sort()).toEqual([...cells].sort());
});

test("pictures are kept with the first four hundred refusals, of a pool that there is", () => {
  const maps = new Mappings();
  const m = made(maps, { time: 5, device: 1, size: 4097 });
  const how = { model: -1, kernel: -1, agrees: true, refusal: null };
  const held = new Occupancy(256);
  held.take(3, 2, 0, 1);
  const [of, without] = [new Refusals(maps, held), new Refusals(maps, null)];
  for (let n = 0; n < 401; n++) of.add(m, how);
  without.add(m, how);
  without.add(m, { ...how, refusal: { reason: "too-large", slots: 999 } });
  expect(of.mappings.map((f) => f.picture?.length ?? 0)).toEqual([...Array(400).fill(1), 0]);
  expect(of.mappings[0]).toMatchObject({ reason: "unknown", slots: 3, free: 254, used: 2, longestRun: 128 });
  expect(without.mappings).toMatchObject([
    { reason: "absent", slots: 3, free: 0, used: 0, longestRun: 0, picture: null },
    { reason: "too-large", slots: 999, picture: null },
  ]);
  expect([of.tooLarge, without.tooLarge, of.warnings]).toEqual([0, 1, []]);
});

test("a pool's use by more mappings than tables begin with", () => {
  const maps = new Mappings();
  const use = new PoolUse(maps, 4096, 0, 10_000);
  const all = Array.from({ length: 1500 }, (_, k) => made(maps, { time: k, device: k % 3, size: 2048 + (k % 2) }));
  for (const m of [...all].reverse()) use.take(m, m * 2 * 2048, m % 3, 100 + m);
  expect(use.occupancy.used).toBe(1500 + 750);
  for (const m of all) if (m % 5 > 0) use.give(m, 5000);
  for (const m of all) use.give(m, m % 5 > 0 ? 9000 : 6000);
  expect([use.occupancy.used, use.occupancy.hiwater]).toEqual([0, 2250]);
  const { timeline, slotMap } = use.finish(10_000);
  const at = (time: number) => Math.floor(time / timeline.width);
  expect([4999, 5001, 6001].map((time) => timeline.most[at(time)])).toEqual([2250, 2250, 450]);
  expect(timeline.fewest[at(5500)]).toBe(450);
  const cell = (slot: number, time: number) => slotMap.cells[slot * 800 + Math.floor(time / slotMap.width)];
  const seen = [
    [0, 300],
    [0, 5900],
    [0, 7000],
    [2, 300],
    [2, 5900],
    [2998, 2000],
    [3, 300],
    [1, 300],
    [2043, 3000],
  ];
  expect(seen.map(([slot, time]) => cell(slot!, time!))).toEqual([1, 1, 0, 2, 0, 3, 2, 0, 2]);
});

test("lists that are tried again and again", () => {
  const maps = new Mappings();
  const counter = new TryCounter(maps);
  const entry = (
    time: number,
    task: number,
    orig: number,
    o: { device?: number; listEnd?: boolean; size?: number } = {},
  ) => {
    const m = made(maps, { time, task, orig, list: true, outcome: Outcome.refusedList, ...o });
    if (o.listEnd === true) counter.refused(m);
    else counter.entry(m);
  };
  const list = (time: number, task: number, orig: number, o: { device?: number; size?: number } = {}) => {
    entry(time, task, orig, o);
    entry(time, task, orig + 4096, o);
    entry(time, task, 0x9000, { ...o, listEnd: true });
  };
  list(0, 1, 0x1000);
  list(1_000_000, 1, 0x1000);
  list(2_000_001, 1, 0x1000);
  list(2_000_002, 2, 0x1000);
  list(2_000_003, 2, 0x1000);
  list(2_000_004, 2, 0x1000, { device: 1 });
  list(2_000_005, 2, 0x1000, { size: 512 });
  // Two tasks whose lists are under way at once; and one of a single entry.
  entry(3_000_000, 1, 0x5000);
  entry(3_000_000, 2, 0x6000);
  entry(3_000_001, 1, 0x7000, { listEnd: true });
  entry(3_000_002, 2, 0x7000, { listEnd: true });
  entry(3_000_003, 1, 0x5000, { listEnd: true });
  // The last entry by its event ends what is under way, without a refusal.
  entry(4_000_000, 1, 0x8000);
  counter.entry(made(maps, { time: 4_000_000, task: 1, orig: 0xa000, list: true, listEnd: true }));
  entry(4_000_001, 1, 0xb000, { listEnd: true });
  entry(4_000_002, 1, 0xb000, { listEnd: true });
  expect(counter.tries).toBe(12);
  expect(counter.finish()).toEqual({
    lists: 7,
    tries: 12,
    again: [
      { device: 0, from: 2_000_001, to: 2_000_003, tries: 3 },
      { device: 0, from: 0, to: 1_000_000, tries: 2 },
      { device: 0, from: 3_000_001, to: 3_000_003, tries: 2 },
      { device: 0, from: 4_000_001, to: 4_000_002, tries: 2 },
    ],
  });
});

describe("buffers on the bus", () => {
  const nan = Number.NaN;
  const bus = (predicted: number, seen: number, straddles: boolean | null, small = false) => {
    return { predicted, seen, straddles, foreign: null, small };
  };
  const buffers = [
    ...[null, bus(0x5000, nan, false), bus(0x5000, 0x7000, false), bus(nan, nan, null), bus(0x5000, 0x5000, true)],
    ...[bus(0x5000, nan, null), bus(0x5000, nan, false, true), bus(nan, 0x7000, false)],
  ];
  const all = buffers.flatMap((onBus) =>
    [0x51ff, 0x51fe, 0x11ff, 0x11fe, 0x71ff, 0x71fe, nan].flatMap((mask) =>
      (
        [
          [false, false],
          [true, false],
          [true, true],
        ] as const
      ).map(([bounced, forced]) => ({ onBus, mask, bounced, forced })),
    ),
  );

  test("how far a device must reach, and whether the kernel bounced what it had to", () => {
    const maps = new Mappings();
    const masks = new DeviceMasks();
    masks.described(1, 0x51fe);
    masks.described(2, 0x11ff);
    const lines = all.map(({ onBus, mask, bounced, forced }) => {
      const told = [0, 1, 2].map((device) => {
        const o = {
          time: 1,
          device,
          orig: 0x1000,
          size: 512,
          mask,
          bounced,
          forced,
          address: bounced ? 0x80000 : 0x1000,
        };
        const m = made(maps, o);
        maps.onBus[m] = onBus;
        const said = [true, false].map((force) => {
          const exact = new Exactness({
            ...{ maps, addresses: null, masks, forced: force, completeFrom: 0, learnt: [] },
          });
          exact.decision(m);
          const { compared, equal } = exact.finish(0, 0).decisions;
          return `${compared}${equal}`;
        });
        return `${lastByteReached(maps, m)} ${said.join(" ")}`;
      });
      return told.join(", ");
    });
    expect(lines.join("\n")).toMatchSnapshot();
  });
});

test("why an outcome is not known", () => {
  const maps = new Mappings();
  const m = made(maps, { device: 1, size: 512 });
  const lines: string[] = [];
  for (const endsMissing of [false, true])
    for (const seen of [false, true])
      for (const said of [false, true])
        for (const pool of [null, { late: false }, { late: true }])
          for (const refusal of [null, { reason: "exhausted", slots: 1 } as const]) {
            const u = new UnknownOutcomes(maps, { endsMissing, mapsSeen: () => seen, saysRefused: () => said, pool });
            const may = u.mayBeServed(m, { model: -1, kernel: -1, agrees: true, refusal });
            u.underWay();
            u.underWay();
            u.moved();
            lines.push(`${may}: ${u.because.map((b) => `${b.count} ${b.underWay} ${b.words}`).join("; ")}`);
          }
  expect(lines.join("\n")).toMatchSnapshot();
});

test("ends that come before their mappings", () => {
  const orphans: string[] = [];
  const ends = new EarlyEnds((o) => orphans.push(`${o.device} ${o.address} ${o.size}`));
  const end = (time: number, device = 0) => ({ device, time, cpu: 0 });
  const phys = (...pages: number[]) => Float64Array.from(pages);
  const take = (device: number, list: Float64Array, now: number) =>
    ends.takeList(device, list, 0, list.length, now)?.time;
  expect([ends.take(7, 0, 512), take(0, phys(1), 0)]).toEqual([null, undefined]);
  ends.add(7, 512, end(100));
  ends.add(8, 512, end(110, 1));
  ends.add(9, 512, end(120));
  ends.add(7, 1024, end(130));
  expect([ends.take(7, 0, 512), ends.take(7, 1, 1024), ends.take(8, 0, 512)]).toEqual([null, null, null]);
  expect([ends.take(7, 0, 1024)?.time, ends.take(7, 0, 1024)]).toEqual([130, null]);
  ends.forget(109);
  expect(orphans).toEqual([]);
  ends.forget(110);
  expect(orphans).toEqual(["1 8 512"]);
  ends.addList(phys(1, 2, 3), end(200));
  ends.addList(phys(1, 2), end(201, 1));
  ends.addList(phys(1, 9), end(202));
  ends.addList(phys(4), end(203));
  expect([take(2, phys(1, 2, 3), 0), take(0, phys(2), 0), take(0, phys(1, 7), 0)]).toEqual([...Array(3)]);
  expect([take(0, phys(1, 9, 9), 0), take(0, phys(1, 9), 0)]).toEqual([202, undefined]);
  expect([take(0, phys(1), 10_200), take(0, phys(1), 0)]).toEqual([200, undefined]);
  // Clocks that are further apart: it is another list's end, and gone.
  expect([take(1, phys(1, 2), 10_202), take(1, phys(1, 2), 0)]).toEqual([undefined, undefined]);
  ends.forget(202);
  expect(take(0, phys(4), 0)).toBe(203);
  ends.addList(phys(4), end(203));
  ends.addList(phys(5), end(207));
  ends.forget(203);
  expect([take(0, phys(4), 0), take(0, phys(5), 0)]).toEqual([undefined, 207]);
  ends.finish();
  expect(orphans).toEqual(["1 8 512", "0 9 512"]);
});
