/**
 * What is inferred of machines whose bounces are drawn: a small kernel's pool, races, an early or a late beginning, and
 * logs that know more or less, or something wrong. Trials of machines alone, too, with every limit met.
 */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { isEnd, mappingOf } from "../../../src/lab/replay/contracts/operation.js";
import { FirstReading } from "../../../src/lab/replay/machine/first_reading.js";
import { inferMachine } from "../../../src/lab/replay/machine/infer_machine.js";
import type { LogFacts } from "../../../src/lab/replay/machine/log_facts.js";
import { alignmentsBy, type KnownPool } from "../../../src/lab/replay/machine/machine.js";
import { trialAsRecorded, trialInFoundOrder } from "../../../src/lab/replay/machine/trials.js";
import { EventBatch, EventKind } from "../../../src/read/event.js";
import { Pool, profiles, today } from "../../../src/sw/swiotlb/index.js";

const start = 0x3e30_0000;
const silent: LogFacts = { kernel: "7.2.0", swiotlb: null, cpus: null, areas: null, pool: null, drivers: new Map() };

interface Drawn {
  readonly seed: number;
  readonly slots: number;
  readonly areas: number;
  readonly cpus: number;
  readonly calls: number;
  /** Calls that no event shows, at the beginning. */
  readonly hidden?: number;
  /** Neighbours that stand the other way round, of a hundred. */
  readonly raced?: number;
  /** Without events of searches, without ends, bus addresses of buffers that are not physical ones. */
  readonly quiet?: boolean;
  readonly endless?: boolean;
  readonly moved?: boolean;
  readonly forced?: boolean;
  /** The rules of another kernel. */
  readonly rules?: number;
  /** From this call on the second device keeps these low bits. */
  readonly keeps?: readonly [call: number, mask: number];
}

/** The events of a small kernel. Device 0 keeps no low bits, device 1 those of a page or those that are said. */
function firstReadingOf(d: Drawn): FirstReading {
  const rng = new Rng(d.seed);
  const profile = d.rules === undefined ? today : profiles[d.rules]!;
  const pool = new Pool({ start, slots: d.slots, areas: d.areas, profile });
  const b = new EventBatch(3 * d.calls);
  const live: { at: number; device: number; mam: number; size: number }[] = [];
  let time = 1000;
  const say = (kind: number, cpu: number, device: number, o: Partial<Record<"dma" | "phys" | "size", number>>) => {
    const i = b.blank();
    b.count++;
    b.kind[i] = kind;
    b.time[i] = time;
    b.cpu[i] = cpu;
    b.task[i] = cpu;
    b.context[i] = 0;
    b.device[i] = device;
    b.direction[i] = 1;
    b.forced[i] = d.forced === false ? 0 : 1;
    b.mask[i] = device === 1 ? 2 ** 32 - 1 : 2 ** 64;
    Object.assign(b.dma, { [i]: o.dma ?? Number.NaN });
    Object.assign(b.phys, { [i]: o.phys ?? Number.NaN });
    Object.assign(b.size, { [i]: o.size ?? Number.NaN });
  };
  for (let n = 0; n < d.calls; n++) {
    time += 1 + rng.below(30);
    const cpu = rng.below(d.cpus);
    const shown = n >= (d.hidden ?? 0);
    if (rng.below(10) < 4 && live.length > 0) {
      const [gone] = live.splice(rng.below(live.length), 1);
      pool.unmap(gone!.at, gone!.mam);
      if (shown && d.endless !== true)
        say(EventKind.unmap, cpu, gone!.device, { dma: start + gone!.at, size: gone!.size });
      continue;
    }
    const device = rng.below(2);
    const mam = device === 0 ? 0 : d.keeps === undefined ? 0xfff : n >= d.keeps[0] ? d.keeps[1] : 0;
    const size = [512, 2048, 4096, 6000][rng.below(4)]!;
    const phys = 0x1000_0000 + rng.below(4096) * 4096 + [0, 0x200, 0x640, 0xa00][rng.below(4)]!;
    const at = pool.map(cpu, 0, phys, size, mam, 0, 0);
    if (at < 0) continue;
    live.push({ at, device, mam, size });
    if (!shown) continue;
    if (d.quiet !== true) say(EventKind.bounced, cpu, device, { dma: phys + (d.moved === true ? 2 ** 36 : 0), size });
    if (rng.below(100) < (d.raced ?? 0)) time -= 15;
    say(EventKind.map, cpu, device, { dma: start + at, phys, size });
  }
  const bounds = d.quiet === true ? { from: start, to: start + d.slots * 2048 } : null;
  const first = new FirstReading(() => false, d.moved === true, null, bounds);
  first.feed(b);
  first.finish();
  return first;
}

const plain: Drawn = { seed: 1, slots: 256, areas: 1, cpus: 1, calls: 64 };
const two: Drawn = { ...plain, seed: 2, areas: 2, cpus: 2 };
const late = { ...two, seed: 3, hidden: 20 };
const pool = { from: start, to: start + 256 * 2048 };
const known: KnownPool = { base: start, slots: 256, areas: 2, forced: true, name: "pool.txt" };
type Question = Partial<Parameters<typeof inferMachine>[0]>;
const drivers = (driver: string) => new Map([["b", driver]]);

const rows: readonly (readonly [string, Drawn, Partial<LogFacts> | null, Question?])[] = [
  ["all is stated", two, { swiotlb: "256,2,force", areas: 2, cpus: 2, pool, drivers: drivers("nvme") }],
  ["bounds and nothing else", two, { pool }],
  ["bounds, more areas than CPUs", two, { pool, areas: 4 }],
  ["bounds that no bounce lies in", two, { pool: { from: start + 2 ** 24, to: start + 2 ** 25 } }],
  ["bounds of a pool that begins late", late, { pool, areas: 2, swiotlb: "256,force" }],
  ["the setting", two, { swiotlb: "256,2,force" }],
  ["a setting of another size", { ...two, calls: 40 }, { swiotlb: "512,2,force" }],
  ["a setting, and areas", { ...two, calls: 60 }, { swiotlb: "256,force", areas: 2, cpus: 4 }],
  ["a setting, quiet", { ...two, quiet: true }, { swiotlb: "256,2,force", pool }],
  ["a setting that does not force, quiet", { ...two, quiet: true }, { swiotlb: "256,2", pool }],
  ["bounds, quiet", { ...two, quiet: true }, { pool }],
  ["not forced", { ...two, forced: false }, { swiotlb: "256,2", pool }],
  ["no log, one CPU", { ...plain, calls: 50 }, null],
  ["no log, two CPUs", two, null],
  ["no log, races", { ...two, seed: 5, raced: 40 }, null],
  ["races, a setting", { ...two, seed: 7, raced: 40 }, { swiotlb: "256,2,force" }],
  ["late, no log", late, null, { baseStep: 2 ** 16 }],
  ["late, a setting", late, { swiotlb: "256,2,force" }, { baseStep: 2 ** 18 }],
  ["late, areas", { ...late, seed: 8 }, { areas: 2 }, { baseStep: 2 ** 17 }],
  ["nothing ends", { ...two, seed: 9, endless: true }, { swiotlb: "256,2,force" }],
  ["moved", { ...two, seed: 10, moved: true }, { swiotlb: "256,2,force" }],
  ["moved, of another pool", { ...two, seed: 10, moved: true }, { swiotlb: "1024,2,force" }, { baseStep: 2 ** 20 }],
  ["older rules", { ...two, seed: 11, areas: 1, rules: 0 }, { swiotlb: "256,1,force" }],
  ["older rules of an older kernel", { ...two, areas: 1, rules: 0 }, { swiotlb: "256,force", kernel: "5.10.0" }],
  ["a release alone", two, null, { kernel: "6.6.1" }],
  ["little memory on arm64", two, { swiotlb: "", memoryBytes: 2 ** 28, architecture: "aarch64" }],
  ["little memory elsewhere", two, { swiotlb: "256,2", memoryBytes: 2 ** 28 }],
  ["pages of 16 KiB", two, { swiotlb: "256,2,force", pageBytes: 16384 }],
  ["low bits that change", { ...two, seed: 12, keeps: [45, 0xfff] }, { swiotlb: "256,2,force" }],
  ["a driver that wants others", { ...two, seed: 13 }, { pool, drivers: drivers("ata_piix") }],
  ["a dump", two, null, { known }],
  ["a dump, quiet", { ...two, quiet: true }, null, { known }],
  ["a dump, quiet, not forced", { ...two, quiet: true }, null, { known: { ...known, forced: null } }],
  ["a dump, not forced", { ...two, forced: false }, null, { known: { ...known, forced: false } }],
  ["a dump, late", late, { kernel: "5.10.0" }, { known }],
  ["a dump of an older kernel's pool", { ...two, areas: 1, rules: 0 }, null, { known: { ...known, areas: 1 } }],
  ["nothing bounced", { ...plain, calls: 0 }, { pool, swiotlb: "256,force" }],
  ["nothing bounced, nothing known", { ...plain, calls: 0 }, null, { excerpt: true }],
];

for (const [name, drawn, told, more] of rows) {
  test(name, () => {
    const machine = inferMachine({
      ...{ firstReading: firstReadingOf(drawn), log: told === null ? null : { ...silent, ...told }, kernel: null },
      ...{ cpus: drawn.cpus, deviceNames: ["a", "b"], ...more },
    });
    const { profile, pool: found, ...rest } = machine;
    const shown = found === null ? null : { ...found, profile: found.profile.id, base: found.base - start };
    expect(JSON.stringify({ profile: profile.id, pool: shown, ...rest }, null, 1)).toMatchSnapshot();
  });
}

test("what a first reading says of the whole recording", () => {
  const told = rows.map(([name, drawn]) => {
    const r = firstReadingOf(drawn);
    const orphans = r.orphans.map((o) => o.address - start).join(" ");
    const bounds = [r.lowest - start, r.highest - start, r.physEnd, r.from, r.to, r.cpuMax];
    const facts = [r.events, r.forced, r.endsMissing, r.moved, r.movedBy, r.movedShare, r.shows, r.sample.ops.length];
    return [name, ...bounds, ...facts, r.completeFrom(0), r.completeFrom(1), `orphans ${orphans}`].join(", ");
  });
  expect(told.join("\n")).toMatchSnapshot();
});

test("trials: of the right machine and of wrong ones, as far as their limits let them", () => {
  const lines: string[] = [];
  for (const drawn of [two, late, { ...two, seed: 7, raced: 40 }, { ...two, seed: 9, endless: true }]) {
    const { sample } = firstReadingOf(drawn);
    const prior = alignmentsBy(
      (d) => (d === 1 ? 0xfff : 0),
      () => 0,
    );
    const right = { base: start, slots: 256, areas: 2, profile: today };
    const shapes = [
      ...[right, { ...right, areas: 1 }, { ...right, slots: 512 }, { ...right, slots: 128 }],
      ...[
        { ...right, base: start + 2048 },
        { ...right, base: start + 2 ** 17 },
        { ...right, base: start - 2 ** 12 },
      ],
    ];
    for (const shape of shapes) {
      for (const limit of [
        { compared: 1000, wrong: 1000 },
        { compared: 10, wrong: 1000 },
        { compared: 1000, wrong: 2 },
      ]) {
        let asked = 0;
        const before: number[] = [];
        const { compared, equal } = trialAsRecorded(shape, sample, prior, limit, (model, m, kernel) => {
          asked += kernel === sample.maps.address[m]! - shape.base ? 1 : 1000;
          before.push(model.used);
        });
        lines.push(`${compared} ${equal} ${asked} ${before.join(" ")}`);
      }
      for (const limit of [1000, 41, 0]) {
        const { compared, equal } = trialInFoundOrder(shape, sample, prior, limit);
        lines.push(`found ${compared} ${equal}`);
      }
    }
  }
  expect(lines.join("\n")).toMatchSnapshot();
  // In the order of their searches every bounce of the kernel's own machine is one that it predicts.
  const { sample } = firstReadingOf(two);
  const begins = sample.ops.filter((op) => !isEnd(op) && sample.maps.address[mappingOf(op)]! >= start).length;
  const all = { compared: 1000, wrong: 0 };
  const prior = alignmentsBy(
    (d) => (d === 1 ? 0xfff : 0),
    () => 0,
  );
  const right = { base: start, slots: 256, areas: 2, profile: today };
  expect(trialAsRecorded(right, sample, prior, all)).toEqual({ compared: begins, equal: begins });
  expect(trialInFoundOrder(right, sample, prior, 1000)).toEqual({ compared: begins, equal: begins });
});
