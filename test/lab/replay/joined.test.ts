/**
 * From drawn events to operations, whole: every column of every mapping as it stands when an operation is told, when it is
 * looked at (`advance`), and at the end. Calls are those of a kernel; then some events are left out, swapped or changed.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf, isEnd, mappingOf } from "../../../src/lab/replay/contracts/operation.js";
import { Joiner } from "../../../src/lab/replay/events/joiner.js";
import type { JoinOptions } from "../../../src/lab/replay/events/joining.js";
import { Context, EventBatch, EventKind } from "../../../src/read/event.js";

const pool = { from: 0x7000_0000, to: 0x7040_0000 };

interface One {
  readonly kind: number;
  readonly time: number;
  readonly cpu: number;
  readonly task: number;
  readonly context: number;
  readonly device: number;
  readonly dma: number;
  readonly phys: number;
  readonly size: number;
  readonly mask: number;
  /** Entries of a list; `total` is how many it has where it shows fewer. */
  readonly dmas: readonly number[];
  readonly sizes: readonly number[];
  readonly physes: readonly number[];
  readonly total: number;
}

interface Drawn {
  readonly calls: number;
  /** Events in a hundred that something is wrong with. */
  readonly odd: number;
  readonly options?: Partial<JoinOptions>;
  /** Pauses between calls, microseconds. */
  readonly pause?: number;
  /** Bus addresses of searches are not the buffers' own. */
  readonly moved?: boolean;
  /** Half of the events do not say in what context they were written. */
  readonly blurred?: boolean;
  /** Mappings of before the recording that are held. */
  readonly before?: number;
}

/** Events of calls in the order of their times. */
function draw({ calls, odd, pause = 50, moved = false, blurred = false }: Drawn, seed: number): One[] {
  const rng = new Rng(seed);
  const one = <T>(of: readonly T[]): T => of[rng.below(of.length)]!;
  const isOdd = () => rng.below(100) < odd;
  const events: One[] = [];
  const live: { list: boolean; device: number; dmas: number[]; physes: number[]; sizes: number[] }[] = [];
  let time = 1_000_000;
  let next = 0;
  const blank = {
    dma: Number.NaN,
    phys: Number.NaN,
    size: 0,
    mask: 2 ** 32 - 1,
    dmas: [],
    sizes: [],
    physes: [],
    total: 0,
  };
  for (let n = 0; n < calls; n++) {
    time += 1 + rng.below(pause);
    const cpu = rng.below(3);
    const who = { cpu, task: one([cpu, cpu, 7, 0]), context: one([0, 0, 0, 1, 2]), device: rng.below(2) };
    const say = (kind: number, more: Partial<One>) => {
      time += rng.below(5);
      if (isOdd() && rng.below(3) === 0) return;
      const at = isOdd() ? { time: time + rng.below(3000) } : { time };
      const elsewhere = isOdd() ? { cpu: rng.below(3) } : {};
      const other = isOdd() && rng.below(4) === 0 ? { context: rng.below(3), device: rng.below(2) } : {};
      const unsaid = blurred && rng.below(2) === 0 ? { context: Context.unknown } : {};
      events.push({ ...blank, ...who, ...unsaid, kind, ...more, ...at, ...elsewhere, ...other });
    };
    const buffer = () => {
      const phys = 0x100_0000 + rng.below(12) * 4096 + one([0, 0, 64, 512]);
      return { phys, size: one([512, 2048, 4096]), dma: pool.from + (next++ % 1024) * 4096 + (phys % 4096) };
    };
    const asks = ({ phys, size }: { phys: number; size: number }) =>
      say(EventKind.bounced, { dma: moved ? 0x9_0000_0000 + phys : phys, size });
    const what = rng.below(8);
    if (what < 3) {
      const b = buffer();
      const bounces = rng.below(5) > 0;
      if (bounces) asks(b);
      const dma = bounces ? (isOdd() ? -1 : b.dma) : b.phys;
      if (bounces && isOdd()) continue;
      say(EventKind.map, { dma, phys: isOdd() ? Number.NaN : b.phys, size: b.size });
      if (dma >= 0) live.push({ list: false, device: who.device, dmas: [dma], physes: [b.phys], sizes: [b.size] });
    } else if (what < 5) {
      const all = Array.from({ length: 1 + rng.below(4) }, buffer);
      for (const b of all) asks(b);
      // A list that was refused has no event of its own.
      if (isOdd()) continue;
      const shown = isOdd() ? all.slice(0, Math.max(1, all.length - 2)) : all;
      const joined = isOdd() ? shown.slice(0, rng.below(2)) : shown;
      const [physes, dmas, sizes] = [shown.map((b) => b.phys), joined.map((b) => b.dma), joined.map((b) => b.size)];
      say(EventKind.mapList, { physes, dmas, sizes, total: shown.length < all.length ? all.length : 0 });
      live.push({ list: true, device: who.device, dmas, physes, sizes });
    } else if (what < 7) {
      const [m] = live.splice(rng.below(live.length), 1);
      if (m === undefined) continue;
      const { device } = m;
      if (m.list) say(EventKind.unmapList, { device, physes: isOdd() ? m.physes.slice(0, 1) : m.physes });
      else say(EventKind.unmap, { device, dma: isOdd() ? m.dmas[0]! + 4096 : m.dmas[0]!, size: m.sizes[0]! });
    } else if (isOdd()) say(one([EventKind.lost, EventKind.xenMapped, EventKind.other]), { dma: pool.from, size: 1 });
    else time += one([10, 3000, 12_000]) + (rng.below(20) === 0 ? 1_500_000 : 0);
  }
  return events
    .map((e, k) => ({ e, k }))
    .sort((a, b) => a.e.time - b.e.time || a.k - b.k)
    .map(({ e }) => e);
}

function batchOf(events: readonly One[]): EventBatch {
  const b = new EventBatch(Math.max(1, events.length));
  for (const e of events) {
    const i = b.blank();
    b.count++;
    for (const name of ["kind", "time", "cpu", "task", "context", "device", "dma", "phys", "size", "mask"] as const) {
      b[name][i] = e[name];
    }
    b.direction[i] = 1;
    b.physTotal[i] = e.total;
    b.forced[i] = e.size === 4096 ? 1 : 0;
    for (const [k, dma] of e.dmas.entries()) b.pushDma(i, dma, e.sizes[k]!);
    for (const phys of e.physes) b.pushPhys(i, phys);
  }
  return b;
}

const columns =
  "time cpu cpuAfter device task context direction attrs orig size mask list listEnd retried forced bounced answer outcome address".split(
    " ",
  ) as "time"[];
const bounds = "lo hi loEvent hiEvent at on previous".split(" ") as "lo"[];

const row = (maps: Mappings, op: number): string =>
  [
    isEnd(op) ? "end" : "begin",
    ...columns.map((name) => maps[name][mappingOf(op)]),
    ...bounds.map((name) => maps[name][op]),
    JSON.stringify(maps.onBus[mappingOf(op)]),
  ].join(" ");

/** All that was told, in lines. The sink lets go of an operation when its outcome is known and is a while ago. */
function joined(d: Drawn, seed: number, options: Partial<JoinOptions>): string[] {
  const events = draw(d, seed);
  const maps = new Mappings();
  const lines: string[] = [];
  const open: number[] = [];
  const tell = () => {
    for (const op of open.splice(0)) {
      const isOpen = maps.outcome[mappingOf(op)] === 0;
      lines.push(`${isOpen ? "open" : "known"} ${row(maps, op)}`);
      if (isOpen) open.push(op);
      else maps.reported(op);
    }
  };
  const joiner = new Joiner({
    maps,
    sink: {
      push: (op) => {
        lines.push(row(maps, op));
        open.push(op);
      },
      advance: (now) => {
        lines.push(`now ${now}`);
        tell();
      },
    },
    idle: (task) => task === 0,
    showsOutcomes: true,
    machineAddresses: false,
    onOrphan: (o) => lines.push(`orphan ${Object.values(o).join(" ")}`),
    ...options,
  });
  for (let n = 0; n < (d.before ?? 0); n++) {
    const m = maps.addBefore(0x500_0000 + n * 4096, 4096);
    maps.address[m] = pool.from + n * 4096;
    joiner.hold(m);
  }
  const half = Math.floor(events.length / 2);
  for (const some of [events.slice(0, half), events.slice(half)]) joiner.feed(batchOf(some));
  lines.push(`alive ${[...joiner.living()].map((m) => row(maps, beginOf(m))).join("; ")}`);
  joiner.finish();
  tell();
  return [...lines, `at ${joiner.now}: ${joiner.lastEvents.join(" ")}`];
}

const base: Drawn = { calls: 550, odd: 0 };
const rows: readonly (readonly [string, Drawn])[] = [
  ["as a kernel writes it", base],
  ["little is odd", { ...base, odd: 4 }],
  ["much is odd", { ...base, odd: 20 }],
  ["within the pool's bounds", { ...base, odd: 8, moved: true, options: { bounds: pool } }],
  ["moved buffers, no bounds", { ...base, odd: 4, moved: true }],
  ["machine addresses", { ...base, odd: 8, moved: true, options: { machineAddresses: true } }],
  ["bounces by their address", { ...base, odd: 8, options: { bounceByAddress: (phys, dma) => dma !== phys } }],
  [
    "some addresses tell",
    { ...base, odd: 8, options: { bounceByAddress: (phys, dma) => (phys % 8192 === 0 ? null : dma !== phys) } },
  ],
  ["orphans are told", { ...base, odd: 8, options: { tellsOrphans: true } }],
  ["no outcomes", { ...base, odd: 4, options: { showsOutcomes: false } }],
  ["a clock that counts events", { ...base, odd: 10, pause: 2, options: { ticks: () => true } }],
  ["the last events of CPUs are known", { ...base, odd: 10, options: { lastEvents: [400, 900, 1200] } }],
  ["contexts that are not said", { ...base, odd: 8, blurred: true, pause: 400 }],
  [
    "contexts that are not said, by a clock that counts",
    { ...base, odd: 8, blurred: true, options: { ticks: () => true } },
  ],
  ["slow", { ...base, odd: 6, pause: 60_000 }],
  ["mappings of before", { ...base, odd: 6, before: 300 }],
  [
    "a page map",
    {
      ...base,
      odd: 6,
      options: {
        pages: {
          see: () => {},
          locate: (m, original) => ({ predicted: m, seen: original, straddles: null, foreign: null, small: false }),
        },
      },
    },
  ],
];

test.each(rows)("%s", (_name, drawn) => {
  const lines = joined(drawn, 11, drawn.options ?? {});
  const hash = (some: readonly string[]) => createHash("sha1").update(some.join("\n")).digest("hex").slice(0, 8);
  const parts = Array.from({ length: 6 }, (_, k) =>
    hash(lines.slice((k * lines.length) / 6, ((k + 1) * lines.length) / 6)),
  );
  const kinds = ["begin", "end", "open", "known", "orphan", "now"].map(
    (word) => `${lines.filter((l) => l.startsWith(`${word} `)).length} ${word}`,
  );
  expect([kinds.join(", "), parts.join(" "), lines.find((l) => l.startsWith("known"))]).toMatchSnapshot();
});
