/** Parts that say what a machine was, each with every number at its edge; and more requests at once than tables begin with. */
import { expect, test } from "vitest";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf, Outcome } from "../../../src/lab/replay/contracts/operation.js";
import { maskChanges } from "../../../src/lab/replay/machine/alignment_changes.js";
import type { FirstReading } from "../../../src/lab/replay/machine/first_reading.js";
import type { LogFacts } from "../../../src/lab/replay/machine/log_facts.js";
import { alignmentsBy, alignmentsOf } from "../../../src/lab/replay/machine/machine.js";
import { DeviceMasks } from "../../../src/lab/replay/machine/masks.js";
import { movedAre } from "../../../src/lab/replay/machine/moved.js";
import { noMappingsWords } from "../../../src/lab/replay/machine/shows.js";
import { CpuEnds } from "../../../src/lab/replay/machine/stopped_cpus.js";
import { RepeatedRequests } from "../../../src/lab/replay/other_pools/repeated_requests.js";
import { WhatIfPools } from "../../../src/lab/replay/other_pools/what_if.js";
import { EventKind } from "../../../src/read/event.js";
import { Pool, today } from "../../../src/sw/swiotlb/index.js";
import { made } from "./made.js";

test("what became of moved buffers", () => {
  const plain = {
    kinds: new Float64Array(64),
    shows: "mappings",
    merged: false,
    inFirmware: false,
    moved: 20,
    movedBy: 2,
  };
  const kind = (k: number) => ({ kinds: new Float64Array(64).fill(1, k, k + 1) });
  const firsts: readonly Partial<FirstReading>[] = [
    ...[{}, { shows: "requests" as const }, { merged: true }, { inFirmware: true }, { movedBy: 1 }, { movedBy: 0 }],
    ...[{ movedBy: 1, moved: 19 }, { movedBy: 2, moved: 2 }, kind(EventKind.bounced), kind(EventKind.iommuMap)],
    ...[kind(EventKind.iommuUnmap), kind(EventKind.iommuDevice), kind(EventKind.iommuFault), kind(EventKind.map)],
  ];
  const logs: readonly (Partial<LogFacts> | null)[] = [
    ...[null, { kernel: "7.2" }, { kernel: null, iommus: [] }, { kernel: "7.2", iommus: [] }],
    ...[
      { kernel: "7.2", iommus: ["vtd"] },
      { kernel: "7.2", iommus: ["vtd", "amdvi"] },
      { kernel: "7.2", iommus: ["smmu"] },
    ],
    { kernel: "7.2", iommus: ["amdvi"], iommuDefault: "Passthrough" },
    { kernel: "7.2", iommus: ["amdvi"], iommuDefault: "Translated" },
    { kernel: "7.2", architecture: "aarch64", iommus: [] },
  ];
  const lines = firsts.map((first) => {
    const told = logs.map((log) => {
      const reading = { ...plain, ...first } as unknown as FirstReading;
      const facts = log as LogFacts | null;
      const of = (kernel: string | null, isXen: boolean) => movedAre(reading, facts, kernel, isXen);
      return [of(null, false), of("6.12-arm64", false), of(null, true)].join(" ");
    });
    return told.join(", ");
  });
  expect(lines.join("\n")).toMatchSnapshot();
});

test("why there are no mappings, by the release", () => {
  const kernels = [
    null,
    "",
    "x6.12",
    "6.11",
    "6.12",
    "6.12.3-rc1",
    "7.0",
    "5.19",
    "10.1",
    "5.99",
    "6.x",
    "1234.5",
    "v6.12",
  ];
  const start = (k: string | null) => noMappingsWords(k).split(/[:,(]/)[0]!.replace(String(k), "K");
  expect(kernels.map((k) => `${k}: ${start(k)}`).join("\n")).toMatchSnapshot();
});

test("CPUs that fall silent", () => {
  /** CPU 0 writes `count` events, one in `step` microseconds; then CPU 1 writes as many as are said. */
  const stopped = (o: { count: number; step: number; after: number; before?: number; to: number; third?: number }) => {
    const ends = new CpuEnds();
    for (let n = 0; n < (o.before ?? 0); n++) ends.add(1, n);
    for (let n = 0; n < o.count; n++) ends.add(0, 1000 + n * o.step);
    for (let n = 0; n < (o.third ?? 0); n++) ends.add(2, 900 + n);
    for (let n = 0; n < o.after; n++) ends.add(1, 5000 + n);
    const found = ends.stopped(o.to);
    return found === null ? null : `${found.cpu} at ${found.time}`;
  };
  const last = 1000 + 199 * 10;
  const usual = { count: 200, step: 10, after: 200, to: 1e6 };
  expect([
    ...[stopped(usual), stopped({ ...usual, count: 99 }), stopped({ ...usual, count: 100, to: 1e6 })],
    ...[stopped({ ...usual, after: 99 }), stopped({ ...usual, after: 100 })],
    ...[stopped({ ...usual, after: 2000 }), stopped({ ...usual, after: 2001 })],
    ...[stopped({ ...usual, count: 2000, after: 199 }), stopped({ ...usual, count: 2000, after: 200 })],
    ...[stopped({ ...usual, to: last + 4900 }), stopped({ ...usual, to: last + 4901 })],
    ...[stopped({ ...usual, step: 0, to: 1010 }), stopped({ ...usual, step: 0, to: 1011 })],
    ...[stopped({ ...usual, third: 150 }), stopped({ ...usual, step: 0, third: 101 })],
    ...[stopped({ ...usual, step: 1, count: 150, third: 250 })],
  ]).toMatchSnapshot();
});

test("masks that keep low bits, and when they change", () => {
  const changesOf = (bounces: readonly (readonly [device: number, low: number, kept: number])[]) => {
    const maps = new Mappings();
    const ops = bounces.map(([device, low, kept], k) =>
      beginOf(made(maps, { time: k, device, orig: 0x10000 + low, address: 0x70000 + kept, bounced: true })),
    );
    return maskChanges({ maps, ops }, [0, 0x1ff, 0x7ff]);
  };
  const both = (n: number) => Array.from({ length: n }, (_, k) => [0, 0x640, k % 2 ? 0 : 0x640] as const);
  expect([
    changesOf([]),
    changesOf(both(17)).map((c) => c.length),
    changesOf(both(18)).map((c) => c.length),
    changesOf(
      [
        [0, 0x640, 0],
        [0, 0x640, 0x040],
        [0, 0x640, 0x640],
      ].map(([d, l, k]) => [d!, l!, k!] as const),
    ),
    // No bit, one bit, and bits that no mask keeps prove nothing; nor does another device's bounce.
    changesOf([
      [0, 0x640, 0],
      [0, 0, 0],
      [0, 0x400, 0x400],
      [0, 0x640, 0x600],
      [1, 0x640, 0x640],
      [0, 0x640, 0],
    ]),
    changesOf([
      [-1, 0x640, 0],
      [2, 0x640, 0],
      [2, 0x640, 0x640],
      [2, 0x0c0, 0x0c0],
      [2, 0x640, 0x040],
    ]),
  ]).toEqual([[], [16], [0], [[1, 2]], [], [undefined, undefined, [2, 4]]]);
});

test("alignments over time", () => {
  const at = (minAlignMask: number, boundary: number) => ({ minAlignMask, boundary });
  const device = (o: ReturnType<typeof at>) => ({ driver: null, from: "addresses" as const, ...o });
  const changes = [
    { time: 10, ...at(0xfff, 0x1000) },
    { time: 20, ...at(0x1ff, 0x10000) },
  ];
  const plain = alignmentsOf([device(at(0x7ff, 0x8000))]);
  const changing = alignmentsOf([device(at(0x7ff, 0x8000)), { ...device(at(0, 0)), changes }]);
  const of = (a: typeof plain, d: number, time?: number) => [
    ...[a.minAlignMask(d, time), a.boundarySlots(d, time), a.allocAlignMask(d)],
  ];
  expect([of(plain, 0), of(plain, 1), of(changing, 0, 15), of(changing, 2, 15)]).toEqual([
    ...[
      [0x7ff, 16, 0],
      [0, 0, 0],
      [0x7ff, 16, 0],
      [0, 0, 0],
    ],
  ]);
  expect([of(changing, 1), ...[9, 10, 19, 20].map((t) => of(changing, 1, t))]).toEqual([
    ...[
      [0, 0, 0],
      [0, 0, 0],
      [0xfff, 2, 0],
      [0xfff, 2, 0],
      [0x1ff, 32, 0],
    ],
  ]);
});

test("what a device reached before its mask was printed", () => {
  const masks = new DeviceMasks();
  for (const last of [0x1000, 0xffff_ffff, 0x2000]) masks.reached(0, 1, last);
  masks.printed(0, 5, Number.NaN);
  expect(masks.at(0, 9).mask).toBeNaN();
  masks.printed(0, 10, 0xfff);
  masks.printed(1, 10, 0xffff);
  masks.reached(1, 11, 0xffff);
  masks.reached(1, 12, 0x10000);
  expect([masks.at(0, 9).mask, masks.at(0, 10).mask, masks.at(1, 9).mask]).toEqual([0xffff_ffff, 0xfff, 0xffff]);
  expect([11, 12].map((t) => [masks.at(1, t).mask, masks.learntAt(1, t)])).toEqual([
    [0xffff, false],
    [0x1ffff, true],
  ]);
  masks.printed(2, 10, 0xfff);
  for (let n = 0; n < 1030; n++) masks.printed(2, 11 + n, n % 2 ? 0xfff : 0xffff);
  expect([masks.changes(2).length, masks.changes(9), masks.smallest(9)]).toEqual([1023, [], Number.NaN]);
  masks.printed(3, 5, 0xff);
  masks.reached(3, 6, 0xfff);
  masks.printed(3, 7, 0xfff);
  expect(masks.changes(3).map((c) => c.printed)).toEqual([false, true]);
});

test("requests that are asked for again", () => {
  const maps = new Mappings();
  const repeated = new RepeatedRequests(maps);
  const ask = (time: number, o: Parameters<typeof made>[1] = {}) => repeated.isRepeated(made(maps, { time, ...o }));
  const served = (time: number, o: Parameters<typeof made>[1] = {}) => repeated.served(made(maps, { time, ...o }));
  served(0);
  expect([ask(0), ask(1_000_000), ask(2_000_001), ask(2_000_002)]).toEqual([false, true, false, true]);
  // The same buffer of another device, or of another size, is another request: each is served by itself.
  expect([ask(3e6 - 1, { device: 1 }), ask(3e6 - 1, { size: 512 }), ask(3e6 - 1)]).toEqual([false, false, true]);
  served(3e6, { device: 1, size: 512 });
  expect([ask(3e6, { device: 1 }), ask(3e6, { size: 512 }), ask(3e6)]).toEqual([true, true, true]);
  served(3e6, { device: 1 });
  expect([ask(3e6, { size: 512 }), ask(3e6), ask(3e6, { device: 1 })]).toEqual([true, true, false]);
  served(3e6, { orig: 0x9000 });
  served(3e6, { size: 512 });
  served(3e6);
  served(3e6, { device: 1 });
  expect([ask(3e6), ask(3e6, { size: 512 }), ask(3e6, { device: 1 })]).toEqual([false, false, false]);
  // One that is too old is replaced, and then served as a whole.
  expect([ask(5e6), ask(5e6)]).toEqual([false, true]);
  served(5e6);
  expect([ask(5e6), ask(5e6, { list: true, listEnd: true }), ask(5e6, { list: true, listEnd: true })]).toEqual([
    ...[false, false, true],
  ]);
  const list = (time: number, entries: number, task = 1) =>
    Array.from({ length: entries }, (_, k) =>
      ask(time, {
        task,
        list: true,
        orig: 0x5000 + 4096 * k,
        listEnd: k === entries - 1,
        outcome: Outcome.refusedList,
      }),
    );
  expect([list(6e6, 2), list(6e6, 3, 2), list(7e6, 1), list(7e6, 3)]).toEqual([
    ...[[false, false], [true, true, false], [true], [true, true, true]],
  ]);
});

test("more requests alive at once than tables begin with, and more than a batch", () => {
  const maps = new Mappings();
  const alignments = alignmentsBy(
    () => 0,
    () => 0,
  );
  const settings = [8192, 16384, 32768].map((slots) => ({ slots, areas: 2, forced: true }));
  const start = 0x4000_0000;
  const pools = new WhatIfPools({ maps, settings, base: start, profile: today, alignments, masks: new DeviceMasks() });
  const alone = settings.map((s) => ({
    pool: new Pool({ start, ...s }),
    at: [] as number[],
    ...{ bounced: 0, failed: 0 },
  }));
  const m = made(maps, { size: 2048, orig: 0x1000 });
  const count = 9000;
  for (let id = 0; id < count; id++) {
    pools.begin(m, id);
    for (const a of alone) {
      a.at[id] = a.pool.map(0, 0, 0x1000, 2048, 0, 0, 0);
      a[a.at[id]! < 0 ? "failed" : "bounced"]++;
    }
    if (id % 3 > 0) continue;
    const gone = id / 3;
    pools.end(gone, id, 0);
    for (const a of alone) if (a.at[gone]! >= 0) a.pool.unmap(a.at[gone]!, 0);
  }
  const told = alone.map(({ pool, bounced, failed }) => {
    return { slots: pool.slots, areas: 2, forced: true, bounced, failed, hiwater: pool.hiwater };
  });
  expect(pools.finish()).toEqual(told);
});
