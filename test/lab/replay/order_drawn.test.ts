/**
 * The order of operations and what is made of it, on drawn operations: CPUs race for a pool, the recording knows each
 * moment only within bounds, and some of what it says is wrong. Whole: every step that is told, and the same requests on
 * other pools, which a pool alone, asked in the same order, must confirm.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf, endOf, isEnd, mappingOf, none, Outcome } from "../../../src/lab/replay/contracts/operation.js";
import { ContiguousAddresses } from "../../../src/lab/replay/contracts/pool_addresses.js";
import type { Carried } from "../../../src/lab/replay/contracts/sinks.js";
import { alignmentsBy } from "../../../src/lab/replay/machine/machine.js";
import { DeviceMasks } from "../../../src/lab/replay/machine/masks.js";
import { Ordering } from "../../../src/lab/replay/order/ordering.js";
import { RecordedOrder } from "../../../src/lab/replay/order/recorded_order.js";
import { ReplacementPool } from "../../../src/lab/replay/other_pools/replacement_pool.js";
import { RequestStream } from "../../../src/lab/replay/other_pools/request_stream.js";
import { WhatIfPools } from "../../../src/lab/replay/other_pools/what_if.js";
import { Exactness } from "../../../src/lab/replay/told/exactness.js";
import { MappingSummary } from "../../../src/lab/replay/told/mapping_summary.js";
import { TryCounter } from "../../../src/lab/replay/told/refused_tries.js";
import { Pool, today } from "../../../src/sw/swiotlb/index.js";
import { whole } from "../../whole.js";

const start = 0x3000_0000;
const slots = 256;
const aligns = alignmentsBy(
  (d) => [0, 0xfff, 0x7ff][d]!,
  () => 0,
);

interface Drawn {
  readonly calls: number;
  readonly areas: number;
  readonly cpus: number;
  /** How far the bounds of a moment may lie from it, microseconds. */
  readonly loose: number;
  /** Of a hundred: addresses that no kernel would have chosen; outcomes that are not known, or late. */
  readonly wrong?: number;
  readonly open?: number;
  /** Calls of ten that end something; ends of which it is not known until when they had happened. */
  readonly ends?: number;
  readonly endless?: boolean;
  readonly lists?: boolean;
  /** Searches at the beginning that are not recorded. */
  readonly hidden?: number;
  readonly unseen?: boolean;
  /** The pool ends above what device 2 reaches. */
  readonly narrow?: boolean;
  /** Refused lists that the recording shows tried again, of a hundred. */
  readonly again?: number;
  readonly pause?: number;
}

interface Made {
  readonly maps: Mappings;
  /** In the order of their first possible moments. */
  readonly ops: readonly number[];
  /** What the kernel chose, by mapping: an offset, or -1. */
  readonly truth: ReadonlyMap<number, number>;
  /** Outcomes that become known when time has come so far. */
  readonly late: readonly { readonly m: number; readonly outcome: Outcome; readonly time: number }[];
}

function make(d: Drawn, seed: number): Made {
  const rng = new Rng(seed);
  const chance = (inHundred: number) => rng.below(100) < inHundred;
  const pool = new Pool({ start, slots, areas: d.areas });
  const maps = new Mappings();
  const ops: number[] = [];
  const truth = new Map<number, number>();
  const late: Made["late"][number][] = [];
  const live: { ids: number[]; offsets: number[]; device: number }[] = [];
  let time = 100_000;
  let event = 0;
  const mark = (op: number, on: number) => {
    maps.lo[op] = time - rng.below(d.loose + 1);
    maps.hi[op] = time + rng.below(d.loose + 1);
    maps.at[op] = Math.min(maps.hi[op]!, maps.lo[op]! + rng.below(d.loose + 1));
    maps.loEvent[op] = event++;
    maps.hiEvent[op] = chance(80) ? event++ : -1;
    maps.on[op] = on;
    ops.push(op);
  };
  const add = (cpu: number, task: number, device: number, list: boolean) => {
    const m = maps.add();
    const orig = 0x1000_0000 + rng.below(4096) * 4096 + [0, 0, 0x200, 0xa00][rng.below(4)]!;
    const asks = { time, cpu, cpuAfter: chance(10) ? rng.below(d.cpus) : cpu, device, task, context: 0, orig };
    const size = [512, 2048, 4096, 9000, 40_000][rng.below(d.ends === undefined ? 4 : 5)]!;
    const mask = d.narrow === true && device === 2 ? start + 2 ** 17 : 2 ** 32 - 1;
    for (const [name, value] of Object.entries({ ...asks, size, mask })) maps[name as "time"][m] = value;
    maps.bounced[m] = 1;
    maps.list[m] = list ? 1 : 0;
    const on = chance(50) ? maps.cpuAfter[m]! : cpu;
    const at = pool.map(on, 0, orig, size, aligns.minAlignMask(device), 0, 0);
    truth.set(m, at);
    mark(beginOf(m), cpu);
    return { m, at };
  };
  const say = (m: number, outcome: Outcome, at: number) => {
    const isWrong = chance(d.wrong ?? 0);
    const said = isWrong && outcome === Outcome.granted ? rng.below(slots) * 2048 : at;
    if (said >= 0) maps.address[m] = start + said;
    const told = chance(d.open ?? 0) ? [Outcome.unknown, Outcome.beyond][rng.below(2)]! : outcome;
    if (chance(d.open ?? 0)) late.push({ m, outcome: told, time: time + rng.below(4000) });
    else maps.outcome[m] = told;
  };
  for (let n = 0; n < d.calls; n++) {
    time += 1 + rng.below(d.pause ?? 12);
    const cpu = rng.below(d.cpus);
    if (rng.below(10) < (d.ends ?? 4) && live.length > 0) {
      const [gone] = live.splice(rng.below(live.length), 1);
      let previous: number = none;
      gone!.ids.forEach((m, k) => {
        pool.unmap(gone!.offsets[k]!, aligns.minAlignMask(gone!.device));
        if (m < 0) return;
        const op = maps.end(m);
        mark(op, cpu);
        // Without a later event, nothing says until when it had happened.
        if (d.endless === true && chance(20)) maps.hi[op] = Number.POSITIVE_INFINITY;
        maps.follows(op, previous);
        previous = op;
      });
      continue;
    }
    const device = rng.below(3);
    const task = 10 + rng.below(3);
    if (n < (d.hidden ?? 0)) {
      const at = pool.map(cpu, 0, 0x1000_0000, 4096, aligns.minAlignMask(device), 0, 0);
      // Some of them are seen to end: mappings of before the recording.
      const m = chance(50) ? maps.addBefore(0x1000_0000, 4096) : -1;
      if (m >= 0) {
        maps.address[m] = start + at;
        maps.device[m] = device;
      }
      if (at >= 0) live.push({ ids: [m], offsets: [at], device });
    } else if (d.lists === true && chance(40)) {
      const entries: { m: number; at: number }[] = [];
      for (let k = 1 + rng.below(5); k > 0 && entries.at(-1)?.at !== -1; k--)
        entries.push(add(cpu, task, device, true));
      const isRefused = entries.at(-1)!.at < 0;
      entries.forEach(({ m, at }, k) => {
        maps.listEnd[m] = k === entries.length - 1 ? 1 : 0;
        maps.retried[m] = isRefused && chance(d.again ?? 20) ? 1 : 0;
        say(m, isRefused ? Outcome.refusedList : Outcome.granted, isRefused ? -1 : at);
        if (isRefused && at >= 0) pool.unmap(at, aligns.minAlignMask(device));
      });
      if (!isRefused) live.push({ ids: entries.map((e) => e.m), offsets: entries.map((e) => e.at), device });
    } else {
      const { m, at } = add(cpu, task, device, false);
      const beyond = at >= 0 && start + at + maps.size[m]! - 1 > maps.mask[m]!;
      if (beyond) pool.unmap(at, aligns.minAlignMask(device));
      say(m, at < 0 || beyond ? Outcome.refused : Outcome.granted, beyond ? -1 : at);
      if (at >= 0 && !beyond) live.push({ ids: [m], offsets: [at], device });
    }
    if (!chance(6)) continue;
    // One that the pool does not concern.
    const m = maps.add();
    const direct = { time, cpu, cpuAfter: cpu, device, task, context: 0, orig: 0x2000, size: 512, address: 0x2000 };
    for (const [name, value] of Object.entries(direct)) maps[name as "time"][m] = value;
    maps.outcome[m] = Outcome.granted;
    mark(beginOf(m), cpu);
  }
  const inTime = ops.map((op, k) => ({ op, k })).sort((a, b) => maps.lo[a.op]! - maps.lo[b.op]! || a.k - b.k);
  return { maps, ops: inTime.map(({ op }) => op), truth, late };
}

const base: Drawn = { calls: 130, areas: 1, cpus: 2, loose: 0 };
const rows: readonly (readonly [string, Drawn])[] = [
  ["moments are known", base],
  ["racing", { ...base, loose: 25, cpus: 3, areas: 2 }],
  ["racing much", { ...base, loose: 120, cpus: 4 }],
  ["lists, racing", { ...base, loose: 20, lists: true, ends: 3 }],
  ["lists in a pool that fills", { ...base, loose: 8, lists: true, ends: 2, areas: 2 }],
  ["a pool that fills", { ...base, loose: 10, ends: 2 }],
  ["wrong addresses", { ...base, loose: 10, wrong: 10 }],
  ["much is wrong, with lists", { ...base, loose: 20, wrong: 25, lists: true, ends: 3 }],
  ["outcomes come late or never", { ...base, loose: 20, open: 20, lists: true, ends: 3 }],
  ["outcomes come late, wrong addresses", { ...base, loose: 20, open: 20, wrong: 10, ends: 2 }],
  ["a late beginning", { ...base, loose: 5, hidden: 40, unseen: true }],
  ["a late beginning of a full pool", { ...base, loose: 5, hidden: 60, unseen: true, ends: 2, lists: true }],
  ["a late beginning that is taken for none", { ...base, loose: 5, hidden: 40 }],
  ["a mask below the pool's end", { ...base, calls: 60, loose: 15, narrow: true, ends: 3 }],
  ["ends that may come much later", { ...base, loose: 20, endless: true, lists: true }],
  [
    "lists that are tried again, in a full pool, and wrong",
    { ...base, loose: 8, lists: true, ends: 2, wrong: 20, again: 60 },
  ],
  ["slow", { ...base, loose: 200, pause: 9000, lists: true }],
];

const told = (c: Carried) => `${c.model} ${c.kernel} ${c.agrees} ${c.refusal?.reason} ${c.refusal?.slots}`;
const hash = (lines: readonly string[]) => createHash("sha1").update(lines.join("\n")).digest("hex").slice(0, 8);

/** Everything in the order that is found, and what is made of it. */
function ordered(d: Drawn, seed: number) {
  const { maps, ops, truth, late } = make(d, seed);
  const lines: string[] = [];
  const masks = new DeviceMasks();
  masks.printed(0, 0, 2 ** 32 - 1);
  masks.described(1, 0x1080_0000);
  const replaced = new Mappings();
  const asked: { id: number; begins: boolean; m: number }[] = [];
  const settings = [64, 128, 512].flatMap((n) =>
    [true, false].map((forced) => ({ slots: n, areas: n >> 7 || 1, forced })),
  );
  const pools = new WhatIfPools({ maps, settings, base: start, profile: today, alignments: aligns, masks });
  const replacing = (pool: Pool | null, forced: boolean, name: string) =>
    new ReplacementPool({
      ...{ recorded: maps, maps: replaced, pool, forced, alignments: aligns, masks },
      sink: {
        mapped: (m, c) => {
          const { forced: said, bounced, outcome, address, mask } = replaced;
          lines.push(`${name} ${said[m]} ${bounced[m]} ${outcome[m]} ${address[m]} ${mask[m]} ${told(c)}`);
        },
        unmapped: (m, time) => lines.push(`${name} end ${replaced.orig[m]} ${time}`),
        released: () => lines.push("never"),
      },
    });
  const small = new Pool({ start, slots: 128, areas: 1 });
  const others = [
    replacing(small, true, "small"),
    replacing(small, false, "natural"),
    replacing(null, false, "absent"),
  ];
  const chosen = others[(seed + d.calls + d.loose) % 3]!;
  const simulated = settings.map(({ slots: n, areas, forced }) => {
    const pool = new Pool({ start, slots: n, areas, profile: today });
    return { pool, forced, held: new Map<number, [number, number]>(), bounced: 0, failed: 0 };
  });
  const stream = new RequestStream(maps, {
    begin: (m, id) => {
      asked.push({ id, begins: true, m });
      pools.begin(m, id);
      chosen.begin(m, id);
      const own = masks.isStated(maps.device[m]!) ? Number.NaN : maps.mask[m]!;
      const reach = Number.isNaN(own) ? masks.at(maps.device[m]!, maps.time[m]!).mask : own;
      for (const s of simulated) {
        // Of unknown frames nothing is known but that the kernel bounced it.
        if (!s.forced && !(maps.orig[m]! + maps.size[m]! - 1 > reach)) continue;
        const mam = aligns.minAlignMask(maps.device[m]!);
        const at = s.pool.map(maps.cpu[m]!, 0, maps.orig[m]!, maps.size[m]!, mam, 0, 0);
        if (at < 0) s.failed++;
        else {
          s.bounced++;
          s.held.set(id, [at, mam]);
        }
      }
    },
    end: (id, time, device) => {
      pools.end(id, time, device);
      chosen.end(id, time);
      for (const s of simulated) {
        const held = s.held.get(id);
        if (held !== undefined) s.pool.unmap(...held);
        s.held.delete(id);
      }
    },
  });
  const tries = new TryCounter(maps);
  const addresses = new ContiguousAddresses(start, slots * 2048);
  const exact = new Exactness({ maps, addresses, masks, forced: seed % 2 === 0, completeFrom: 100_200, learnt: [] });
  const pool = { base: start, slots, areas: d.areas, profile: today, forced: seed % 2 === 0, late: d.unseen ?? false };
  const devices = [0, 0xfff, 0x7ff].map((minAlignMask) => {
    return { driver: null, minAlignMask, boundary: 0, from: "addresses" as const };
  });
  const summary = new MappingSummary({
    ...{ maps, masks, addresses, learnt: [], from: 100_000, to: maps.lo[ops.at(-1)!]!, completeFrom: 0 },
    machine: { kernel: null, cpus: 1, pool, profile: today, devices, inferred: [], evidence: [] },
    movedUnknown: d.loose === 20,
    evidence: { endsMissing: false, mapsSeen: () => d.loose !== 8, saysRefused: (device) => device === 1 },
  });
  const ordering = new Ordering({
    ...{ maps, alignments: aligns, addresses, unseen: d.unseen ?? false },
    pool: new Pool({ start, slots, areas: d.areas }),
    sink: {
      mapped: (m, c) => {
        lines.push(`${m} ${maps.outcome[m]} ${maps.bounced[m]} ${maps.offset[m]} ${maps.hi[beginOf(m)]} ${told(c)}`);
        if (maps.bounced[m] === 1 && maps.outcome[m] === Outcome.granted) exact.address(m, c);
        else if (maps.outcome[m] === Outcome.refused) exact.refusal(c);
        exact.decision(m);
        if (maps.outcome[m] === Outcome.refusedList) {
          tries.entry(m);
          if (maps.listEnd[m] === 1) tries.refused(m);
        }
        stream.mapped(m);
        summary.mapped(m, c);
      },
      unmapped: (m, time) => {
        lines.push(`${m} ends ${time}`);
        stream.unmapped(m, time);
        summary.unmapped(m, time);
      },
      released: (m, time) => {
        lines.push(`${m} is given back ${time}`);
        summary.released(m, time);
      },
    },
  });
  if (d.unseen === true) summary.held(maps.addBefore(0x9000, 4096), 250 * 2048, 100_000);
  const waiting = [...late].sort((a, b) => a.time - b.time);
  ops.forEach((op, k) => {
    const now = maps.lo[op]!;
    while (waiting.length > 0 && waiting[0]!.time <= now) {
      const { m, outcome } = waiting.shift()!;
      maps.outcome[m] = outcome;
    }
    ordering.push(op);
    if (k % 16 === 0) {
      ordering.advance(now);
      lines.push(`now ${k}`);
    }
  });
  ordering.finish(maps.lo[ops.at(-1)!]! + 30_000);
  const result = exact.finish(ordering.corrections, ordering.reordered);
  const whatIf = pools.finish();
  const alone = simulated.map(({ pool, forced, bounced, failed }) => {
    return { slots: pool.slots, areas: pool.areas, forced, bounced, failed, hiwater: pool.hiwater };
  });
  const { refusals, unknown, use, maps: counts } = summary;
  const pictures = use!.finish(maps.lo[ops.at(-1)!]! + 100);
  lines.push(JSON.stringify([summary.devices(["a", "b", "c"]), refusals, summary.tries.finish(), unknown.because]));
  lines.push(whole({ ...pictures.timeline, ...pictures.slotMap }));
  return {
    counts,
    lines,
    result,
    whatIf,
    alone,
    tries: tries.finish(),
    assumed: stream.assumed,
    begun: asked.length,
    truth,
  };
}

test.each(rows)("%s", (_name, d) => {
  const seen = [1, 2].map((seed) => {
    const { counts: summed, lines, result, whatIf, alone, tries, assumed, begun } = ordered(d, seed);
    expect(whatIf).toEqual(alone);
    const { mismatches, ...counts } = result;
    const parts = [0, 1, 2, 3].map((k) => lines.slice((k * lines.length) / 4, ((k + 1) * lines.length) / 4));
    const mapped = JSON.stringify({ ...counts, summed, tries, assumed, begun });
    return `${mapped} ${hash([JSON.stringify(mismatches)])} ${parts.map(hash).join(" ")} ${hash([JSON.stringify(whatIf)])}`;
  });
  expect(seen.join("\n")).toMatchSnapshot();
});

test("where every moment is known, every choice of the kernel is the model's", () => {
  for (const seed of [1, 2, 3]) {
    const { result } = ordered(base, seed);
    expect(result).toMatchObject({ corrections: 0, mismatches: [] });
    expect(result.equal).toBe(result.compared);
  }
});

test("without a pool, operations are told in the order in which they came, as far as their outcomes are known", () => {
  const { maps, ops, late } = make({ ...base, open: 20, loose: 10 }, 5);
  const lines: string[] = [];
  const order = new RecordedOrder(maps, {
    mapped: (m, c) => lines.push(`${beginOf(m)} ${told(c)}`),
    unmapped: (m, time) => lines.push(`${endOf(m)} ${time}`),
    released: () => lines.push("never"),
  });
  const known = new Set(late.map(({ m }) => m));
  const firstOpen = ops.findIndex((op) => !isEnd(op) && known.has(mappingOf(op)));
  for (const op of ops) order.push(op);
  order.advance();
  expect(lines.length).toBe(firstOpen);
  for (const { m, outcome } of late) maps.outcome[m] = outcome;
  order.advance();
  const all = ops.map((op) => (isEnd(op) ? `${op} ${maps.at[op]}` : `${op} -2 -2 true undefined undefined`));
  expect(lines).toEqual(all);
});
