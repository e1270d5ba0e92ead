/** Parts of the audit alone, at their edges: whose events there are, what a release promises, what is kept of the past. */
import { expect, test } from "vitest";
import { Gone } from "../../../src/audit/recording/gone.js";
import { MappingKind, Reach } from "../../../src/audit/recording/mappings.js";
import { Pending } from "../../../src/audit/recording/pending.js";
import { Population } from "../../../src/audit/recording/population.js";
import { driversAlwaysUnmap, Recorded } from "../../../src/audit/recording/recorded.js";
import { Context, EventBatch } from "../../../src/read/event.js";
import { Trail } from "./trail.js";

test("before 6.16 drivers always unmap, in kernels that take nothing from later ones", () => {
  const always = ["5.19.0", "6.15.9", "6.9", "4.0", "0.1", "6.12.48+deb13-amd64", "5.10.0-28.fc40"];
  const not = [
    ...["6.16.0", "6.17", "7.0", "10.2", "6.100", "x6.1", "", "6", "5.14.0-427.el9", "6.1.119-129.amzn2023"],
    ...["5.15.0-300.uek", "6.4.0-150600-default", "6.11.0-0.fc42.eln"],
  ];
  expect([...always, ...not].filter(driversAlwaysUnmap)).toEqual(always);
});

const recorded = (o: Partial<ConstructorParameters<typeof Recorded>[0]> = {}) =>
  new Recorded({ kernel: null, foreignBus: false, lossesStated: true, ...o });

/** Events by tasks; -1 is none, 0 idle. @returns whether they are taken for those of one or two tasks */
function ofOneTask(tasks: readonly number[], context: number = Context.unknown): boolean {
  const r = recorded();
  const batch = new EventBatch(tasks.length);
  for (const [i, task] of tasks.entries()) {
    batch.blank();
    batch.count++;
    batch.task[i] = task;
    batch.context[i] = context;
    r.written(batch, i, (t) => t === 0);
  }
  return r.mapsMissing(0) !== null;
}

test("fifty events of one or two tasks, and none of an idle CPU, are of those alone", () => {
  const of = (n: number, ...tasks: readonly number[]) => Array.from({ length: n }, (_, k) => tasks[k % tasks.length]!);
  expect([ofOneTask(of(50, 7)), ofOneTask(of(49, 7)), ofOneTask(of(50, 7, 8)), ofOneTask(of(51, 7, 8, 9))]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([ofOneTask([...of(60, 7), 0]), ofOneTask([...of(60, 7), -1]), ofOneTask(of(60, 7, 7, 8, 7, 8))]).toEqual([
    false,
    false,
    true,
  ]);
  expect([ofOneTask(of(60, -1, 7), Context.task), ofOneTask(of(60, -1, 7, 8, 9), Context.task)]).toEqual([true, false]);
});

test("ends that may be missing: by kind, reach, device and kernel", () => {
  const said: string[] = [];
  for (const kernel of [null, "6.12.0", "6.17.1"]) {
    for (const foreignBus of [false, true]) {
      const r = recorded({ kernel, foreignBus });
      const { single, list, coherent } = MappingKind;
      const at = (what: string) => {
        for (const kind of [single, list, coherent]) {
          for (const reach of [Reach.unknown, Reach.direct, Reach.bounced, Reach.translated]) {
            const devices = [-1, 0, 1, 2].map((device) => r.endsMissing(device, kind, reach) ?? "none");
            said.push(`${kernel} ${foreignBus} ${what} ${kind} ${reach}: ${devices.join(" / ")}`);
          }
        }
      };
      r.unmapped(1, single, 5);
      at("one single end");
      r.unmapped(0, list, 6);
      r.unmapped(0, coherent, 7);
      r.mustUnmap(1);
      r.mustUnmap(-1);
      for (const bytes of [5, 5, 9, 5, 9]) r.offset(0, bytes);
      for (const bytes of [5, 9, 9, 11]) r.offset(2, bytes);
      at("all");
    }
  }
  expect(said.join("\n")).toMatchSnapshot();
});

test("when a device last unmapped, and how many strangers it may have", () => {
  const r = recorded();
  for (const time of [100, 300, 200]) r.unmapped(1, MappingKind.single, time);
  r.unmapped(-1, MappingKind.single, 70);
  expect([r.lastEnd(1), r.lastEnd(-1), r.lastEnd(0)]).toEqual([300, 70, Number.NaN]);
  expect(r.ends).toEqual([4, 0, 0]);
  /** @param unmaps one a second. @param strangers in the later half */
  const missing = (unmaps: number, early: number, strangers: number) => {
    const one = recorded();
    for (let n = 0; n <= unmaps; n++) one.unmapped(2, MappingKind.single, n * 1e6);
    for (let n = 0; n < early; n++) one.stranger(2, 10);
    for (let n = 0; n < strangers; n++) one.stranger(2, unmaps * 1e6);
    return one.mapsMissing(2);
  };
  const words = (n: number) =>
    `${n} unmappings and syncs in the later half of its time name what was never seen mapped: not all mappings of the ` +
    "device left an event";
  expect([missing(10, 9, 2), missing(10, 0, 3), missing(400, 50, 3), missing(400, 0, 12)]).toEqual([
    null,
    words(3),
    null,
    words(12),
  ]);
  expect(recorded().mapsMissing(0)).toBe(null);
  expect(recorded({ lossesStated: false }).mapsMissing(0)).toMatch(/^The text of perf script does not say/);
  const only = recorded();
  for (let n = 0; n < 3; n++) only.stranger(1, 5);
  expect([only.mapsMissing(1), only.mapsMissing(0)]).toEqual([words(3), null]);
});

test("what held an address and was unmapped last, up to 4 MiB before it", () => {
  const gone = new Gone();
  const told: unknown[] = [];
  gone.told = (i, device, address) => told.push([gone.size[i], gone.coherent[i], gone.task[i], device, address]);
  const MiB = 2 ** 20;
  const add = (device: number, address: number, size: number, at: number, coherent = false) =>
    gone.add(device, address, size, 1, at - 1, at, 7, coherent);
  add(0, 16 * MiB, 4 * MiB, 20);
  add(0, 17 * MiB, 4096, 10);
  add(0, 18 * MiB, 4096, 30, true);
  add(1, 19 * MiB, 4096, 40);
  const when = (device: number, address: number) => {
    const i = gone.holding(device, address);
    return i === -1 ? null : gone.unmappedAt[i];
  };
  expect([17 * MiB, 18 * MiB, 18 * MiB + 4095, 18 * MiB + 4096, 19 * MiB].map((a) => when(0, a))).toEqual([
    20, 30, 30, 20, 20,
  ]);
  expect([20 * MiB - 1, 20 * MiB, 16 * MiB, 16 * MiB - 1, 0].map((a) => when(0, a))).toEqual([
    20,
    null,
    20,
    null,
    null,
  ]);
  expect([when(1, 19 * MiB), when(1, 19 * MiB + 4096), when(1, 17 * MiB), when(2, 19 * MiB)]).toEqual([
    40,
    null,
    null,
    null,
  ]);
  add(0, 64 * MiB, 16 * MiB, 50);
  expect([when(0, 68 * MiB), when(0, 68 * MiB + 4095), when(0, 68 * MiB + 4096)]).toEqual([50, 50, null]);
  expect(told.slice(1, 4)).toEqual([
    [4096, 0, 7, 0, 17 * MiB],
    [4096, 1, 7, 0, 18 * MiB],
    [4096, 0, 7, 1, 19 * MiB],
  ]);
});

test("mappings over an older one: four are told in words, the others counted by rule", () => {
  const pending = new Pending();
  const add = (older: number, serial: number, time: number, rule: "overlap" | "map-over-live" = "overlap") =>
    pending.add(older, serial, { rule, device: 3, time }, () => `at ${time}`);
  for (let time = 1; time <= 7; time++) add(5, 1, time, time === 6 ? "map-over-live" : "overlap");
  add(6, 1, 8);
  expect([...pending.rest()]).toEqual([
    [5, 1, 7],
    [6, 1, 8],
  ]);
  const first = [1, 2, 3, 4].map((time) => ({ rule: "overlap", device: 3, time, words: `at ${time}` }));
  const more = new Map([
    ["overlap", { device: 3, count: 2 }],
    ["map-over-live", { device: 3, count: 1 }],
  ]);
  expect(pending.take(5, 1)).toEqual({ serial: 1, last: 7, first, more });
  expect([pending.take(5, 1), pending.take(6, 2), pending.take(6, 1), [...pending.rest()]]).toEqual([
    null,
    null,
    null,
    [],
  ]);
  add(7, 1, 9);
  add(7, 2, 10);
  expect(pending.take(7, 2)!.first.map((o) => o.time)).toEqual([10]);
});

test("classes differ in each of what makes them, and are found again", () => {
  const population = new Population();
  const kinds = [0, 1].flatMap((device) =>
    [0, 1, 2].flatMap((kind) =>
      [64, 4096].flatMap((size) =>
        [0, 1].flatMap((direction) => [0, 32].map((attrs) => [device, kind, size, direction, attrs] as const)),
      ),
    ),
  );
  const numbers = kinds.map((of) => population.classOf(...of));
  expect(numbers).toEqual([...kinds.keys()]);
  expect(kinds.map((of) => population.classOf(...of))).toEqual(numbers);
  const { device, kind, size, direction, attrs } = population;
  expect(numbers.map((c) => [device[c], kind[c], size[c], direction[c], attrs[c]])).toEqual(kinds);
  population.change(3, 1, 500);
  population.change(3, 1, 900);
  population.change(3, -1, 901);
  population.endedFromBefore(4, 700);
  expect([population.alive[3], population.bornAt[3], population.alive[4], population.bornAt[4]]).toEqual([
    1, 500, 0, 700,
  ]);
  expect([population.marks(3, 7000), population.marks(3, 7500)?.length, population.marks(5, 1e6)]).toEqual([
    null,
    8,
    null,
  ]);
});

test("every sync of every mapping: direction, size and place", () => {
  const trail = new Trail();
  let time = 10;
  for (const mapped of [0, 1, 2]) {
    for (const synced of [0, 1, 2, 3]) {
      for (const [at, size] of [
        [0, 4096],
        [4095, 1],
        [4095, 2],
        [64, 4096],
      ] as const) {
        const where = { dma: 0x10000, direction: mapped };
        trail.map((time += 10), where);
        trail.forCpu((time += 10), { dma: 0x10000 + at, size, direction: synced });
        trail.forDevice((time += 10), { dma: 0x10000 + at, size, direction: synced });
        trail.unmap((time += 10), where);
      }
    }
  }
  trail.forCpu((time += 10), { dma: -1 });
  trail.forDevice((time += 10), { dma: Number.NaN });
  trail.forDevice((time += 10), { dma: 0x10000 });
  trail.lost((time += 10)).forCpu((time += 10), { dma: 0x10000 });
  const list = { dma: [0x1000, 0x3000, 0x8000], phys: [0x7000, 0x9000, 0xb000] };
  trail.mapList((time += 10), list);
  for (const count of [3, 2, 1]) trail.listForCpu((time += 10), { dma: list.dma.slice(0, count) });
  trail.listForCpu((time += 10), { dma: [0x3000, 0x8000] }).listForCpu((time += 10), {});
  trail.mapList((time += 10), { dma: [0x20000], size: [8192], phys: [0x17000, 0x19000] });
  trail.listForCpu((time += 10), { dma: [0x20000, 0x21000] });
  trail.lost((time += 10)).listForCpu((time += 10), { dma: [0x1000] });
  const { violationTotals, counts } = trail.wait(1e7).result();
  expect([violationTotals, counts.syncs, counts.before]).toMatchSnapshot();
});
