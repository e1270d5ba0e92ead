/**
 * The Xen half of a replay alone, on drawn events, dumps and mappings: which dumps are chosen, what is told of every
 * mapping, and the outcome, whole. Worlds are so small that pages change, frames recur and probes miss each other often.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { Mappings } from "../../../src/lab/replay/contracts/mappings.js";
import { beginOf, Outcome } from "../../../src/lab/replay/contracts/operation.js";
import { FirstReading } from "../../../src/lab/replay/machine/first_reading.js";
import type { LogFacts } from "../../../src/lab/replay/machine/log_facts.js";
import { FirstLook } from "../../../src/lab/replay/xen/first_look.js";
import { domainOf, firstBounceByFrames, placedIn, xenPoolStep } from "../../../src/lab/replay/xen/xen_domain.js";
import type { Dated, When, XenFiles } from "../../../src/lab/replay/xen/xen_files.js";
import { allFrames, chooseXen, ownAddress } from "../../../src/lab/replay/xen/xen_machine.js";
import { XenReplay } from "../../../src/lab/replay/xen/xen_replay.js";
import { memorySource } from "../../../src/read/bytes.js";
import { EventBatch, EventKind } from "../../../src/read/event.js";
import { readM2p } from "../../../src/read/xen/m2p_file.js";
import { readP2m } from "../../../src/read/xen/p2m_file.js";
import { readPoolFile } from "../../../src/read/xen/pool_file.js";
import { profileOf } from "../../../src/sw/swiotlb/index.js";
import { made } from "./made.js";
import { guestOf } from "./wandering_dumps.js";

const page = 4096;
const poolAt = 0x40000;
const [ownAt, emptyAt] = [0x1000, 0x5000];
const hex = (n: number) => n.toString(16);
const source = (text: string) => memorySource("made", new TextEncoder().encode(text));
const hash = (text: string) => createHash("sha1").update(text).digest("hex").slice(0, 8);
const json = (value: unknown) =>
  JSON.stringify(value, (_k, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v));
const whens: readonly When[] = ["given", "before", "unknown", "end", "later"];

interface World {
  readonly direct: boolean;
  readonly rng: Rng;
  readonly one: <T>(of: readonly T[]) => T;
  readonly chance: (inHundred: number) => boolean;
  /** Frame of a page before anything changes. */
  readonly frame: (pfn: number) => number;
}

function worldOf(seed: number, direct: boolean): World {
  const rng = new Rng(seed);
  const chance = (inHundred: number) => rng.below(100) < inHundred;
  const one = <T>(of: readonly T[]): T => of[rng.below(of.length)]!;
  const frame = (pfn: number) =>
    direct ? pfn : pfn >= poolAt ? 0x300 + pfn - poolAt : 0x9000 + (pfn & 0xfff) + ((pfn & 4) << 4);
  return { direct, rng, one, chance, frame };
}

/** Dumps, some of which are of other moments or boots, and some missing. */
function filesOf({ direct, rng, one, chance, frame }: World): XenFiles {
  const some = <T>(name: string, most: number, make: (k: number) => T): Dated<T>[] =>
    Array.from({ length: rng.below(most + 1) }, (_, k) => ({ name: `${name}-${k}`, when: one(whens), table: make(k) }));
  const p2m = some("p2m", 3, () => {
    const moved = chance(15) ? 0x20000 : 0;
    const lines: string[] = direct ? ["# max_pfn=0x50000 hypercall_cflush=1 direct_mapped=1 not_direct_mapped=0"] : [];
    const say = (pfn: number, kind: string, mfn: number) => lines.push(`${hex(pfn)} 1 ${kind} ${hex(mfn)} v`);
    for (let k = 0; k < 24 && !direct; k++) if (!chance(4)) say(ownAt + k, "L", frame(ownAt + k) + moved);
    for (let k = 0; k < 8; k++) {
      if (chance(40)) say(emptyAt + k, "F", 0x60000 + rng.below(6));
      else if (!direct) say(emptyAt + k, "X", 0);
    }
    for (let k = 0; k < 64 && !direct; k++) say(poolAt + k, "L", frame(poolAt + k) + moved);
    return readP2m(source(`${lines.join("\n")}\n`));
  });
  const m2p = some("m2p", 2, () => {
    const lines = Array.from({ length: 8 }, (_, k) => `${hex(0x60000 + k)} 1 P ${hex(poolAt + 8 * k)}`);
    lines.unshift(`300 ${hex(64 - rng.below(3))} P ${hex(poolAt + (chance(30) ? 1 : 0))}`);
    return readM2p(source(`${lines.join("\n")}\n`));
  });
  const pool = some("pool", 3, () => {
    const start = (poolAt + (chance(10) ? 64 : 0)) * page;
    const heads = Array.from({ length: rng.below(4) }, () => 100 + rng.below(28)).sort((a, b) => a - b);
    // Some allocations reach over several slots, some of them begin with a slot without an address.
    const used = [...new Set(heads.flatMap((slot) => (chance(50) ? [slot] : [slot, slot + 1, slot + 2])))]
      .filter((slot) => slot < 128)
      .sort((a, b) => a - b);
    const slots = used.map((slot) => {
      const isHead = heads.includes(slot);
      const orig = isHead && chance(20) ? "ffffffffffffffff" : hex(ownAt * page + slot * 2048);
      const left = heads.includes(slot - 1) ? 3000 : heads.includes(slot - 2) ? 952 : 5048;
      return `slot ${slot} orig=${orig} alloc_size=${isHead ? one([2048, 5048]) : left}\n`;
    });
    const frames = [0, 32]
      .filter(() => !chance(10))
      .map((k) => {
        return `frames pfn=${hex(start / page + k)} n=20 mfn=${hex(frame(poolAt + k))}\n`;
      });
    return readPoolFile(
      source(
        `# nslabs=128 force_bounce=${rng.below(2)} total_used=${used.length} used_hiwater=${rng.below(20)}\n` +
          `# pool start=${hex(start)} end=${hex(start + 128 * 2048)} nareas=1\n` +
          `area 0 used=${used.length} index=${chance(60) ? 0 : rng.below(128)}\n${frames.join("")}${slots.join("")}`,
      ),
    );
  });
  const guests = chance(30) ? [guestOf([0x60001, 0x60003, 0x60005])] : [];
  return { p2m, m2p, pool, guests, passedOver: [] };
}

const kinds = Object.entries(EventKind).filter(
  ([name, kind]) =>
    (kind >= EventKind.xenFrame && kind <= EventKind.xenFlushed) || ["bounced", "map", "mapList"].includes(name),
);

/** @param silent kinds that the recording does not have */
function eventsOf(w: World, count: number, silent: ReadonlySet<number>): EventBatch {
  const { rng, one, chance, frame } = w;
  const b = new EventBatch(count);
  const pfn = () =>
    one([ownAt + rng.below(24), emptyAt + rng.below(8), emptyAt + rng.below(8), poolAt + rng.below(64)]);
  const mfn = (of: number) => (chance(60) ? frame(of) : 0x60000 + rng.below(6));
  let next = 0;
  /** A search and its mapping, where an empty pool would put it, most often. */
  const bounce = (k: number) => {
    const orig = (ownAt + rng.below(24)) * page;
    const at = chance(8) ? rng.below(64) : next++ % 64;
    for (const [kind, dma] of [
      [EventKind.bounced, frame(orig / page) * page],
      [EventKind.map, frame(poolAt + at) * page],
    ] as const) {
      const i = b.blank();
      b.count++;
      b.kind[i] = kind;
      b.time[i] = 1000 + k;
      b.cpu[i] = b.context[i] = b.task[i] = b.device[i] = 0;
      b.dma[i] = dma;
      b.phys[i] = orig;
      b.size[i] = page;
      b.mask[i] = 2 ** 32 - 1;
    }
  };
  while (b.count < count) {
    const kind = chance(1) ? one([EventKind.lost, EventKind.iommuMap]) : one(kinds)[1];
    if (silent.has(kind)) continue;
    if (kind === EventKind.bounced && chance(60) && b.count + 1 < count) {
      bounce(b.count);
      continue;
    }
    const i = b.blank();
    b.count++;
    const at = pfn();
    const inPage = one([0, 0, 64, 2048]);
    b.kind[i] = kind;
    b.time[i] = 1000 + i;
    b.cpu[i] = rng.below(2);
    b.context[i] = one([0, 0, 1]);
    b.task[i] = rng.below(2);
    b.device[i] = rng.below(2);
    b.direction[i] = rng.below(3);
    b.phys[i] = at * page + (kind === EventKind.xenFrame ? 0 : inPage);
    b.dma[i] = chance(12) ? -1 : mfn(at) * page + (kind === EventKind.xenFrame ? 0 : chance(90) ? inPage : 32);
    b.size[i] = one([0, 0, 1, 512, page, 2 * page]);
    b.attrs[i] = kind === EventKind.xenFrame ? one([0, 1, 2, 3, 4]) : one([0, 1, 2, 3]);
    const pages = Array.from({ length: rng.below(4) }, () =>
      chance(8) ? Number.NaN : (emptyAt + rng.below(8)) * page,
    );
    if (kind === EventKind.xenGrants) {
      for (const _ of pages) {
        b.pushDma(i, (0x60000 + rng.below(6)) * page, chance(15) ? -3 : 0);
        b.pushPhys(i, (1 + rng.below(3)) * 2 ** 32 + rng.below(90));
      }
      for (const at of pages.slice(0, one([0, 4]))) b.pushPhys(i, at);
      b.physTotal[i] = pages.length + one([0, 0, 0, 2]);
    } else if (kind === EventKind.mapList) {
      for (const at of pages) b.pushPhys(i, at);
      for (const at of pages.slice(0, chance(80) ? 4 : 1)) b.pushDma(i, mfn(at / page) * page, 512);
      b.physTotal[i] = pages.length;
    } else {
      for (const at of pages) b.pushPhys(i, at);
      b.physTotal[i] = pages.length + one([0, 0, 0, 1]);
    }
  }
  return b;
}

const logs: readonly (Partial<LogFacts> | null)[] = [null, { xenMode: "Arm" }, { xenMode: "PV" }, { xenMode: null }];

/** What is told of one world, in lines. */
function told(seed: number, direct: boolean): string {
  const w = worldOf(seed, direct);
  const { rng, one, chance, frame } = w;
  const silent = new Set(kinds.map(([, kind]) => kind).filter(() => chance(20)));
  if (!direct) for (const [name, kind] of kinds) if (/cache|Need|Flush/i.test(name)) silent.add(kind);
  const batch = eventsOf(w, 90, silent);
  const look = new FirstLook();
  look.feed(batch);
  const files = chance(15) ? { ...filesOf(w), p2m: [] } : filesOf(w);
  const log = one(logs) as LogFacts | null;
  const xen = chooseXen(files, look, log);
  const bounds = { start: poolAt * page, slots: 128 };
  const frames = chance(80) ? allFrames(xen, bounds) : null;
  const maps = new Mappings();
  const replay = new XenReplay(maps, xen, frames, chance(70));
  const lines = [
    json({
      ...look,
      sets: [look.first, look.changing, look.setTo, look.poolPages, look.endedFirst].map((s) => [...s]),
    }),
  ];
  lines.push(json([look.mostlyDirect, look.shifted, xen.memory, xen.files, xen.notes, xen.begins.map((f) => f.name)]));
  const own = ownAddress(xen, frames);
  lines.push(json([0x300, 0x33f, 0x340, 0x9001, 0x60001, poolAt, ownAt].map((mfn) => own(mfn * page + 8))));
  const reading = new FirstReading(() => false, true);
  reading.feed(batch);
  reading.finish(chance(80) ? own : null);
  const profile = profileOf("7.2", null);
  const pool = { base: poolAt * page, slots: 128, areas: 1, profile, forced: true, late: true };
  const machine = { kernel: null, cpus: 1, pool, profile, devices: [], inferred: [], evidence: [] };
  const placed = placedIn(xen, machine, reading).machine;
  lines.push(json([xenPoolStep(xen), domainOf(xen).known, placed.pool!.late, placed.pool!.initial, placed.evidence]));
  lines.push(json([xen.files, xen.notes, xen.poolAfter?.name, reading.orphans]));
  const where = { from: poolAt * page, to: (poolAt + 64) * page };
  const bounces = firstBounceByFrames(
    chance(50) ? { ...files, pool: [] } : files,
    new Set(look.poolPages.values()),
    log === null ? null : { ...log, pool: chance(50) ? where : null },
  );
  const tried = [0x2ff, 0x300, 0x33f, 0x340, 0x9001, 0x9044, 0x60001, poolAt, poolAt + 63, poolAt + 64, ownAt];
  lines.push(json(tried.flatMap((mfn) => [ownAt, emptyAt, mfn].map((pfn) => bounces(pfn * page, mfn * page)))));
  const living: number[] = [];
  for (let i = 0; i < batch.count; i++) {
    replay.see(batch, i);
    if (!chance(60)) continue;
    const at = one([ownAt + rng.below(24), emptyAt + rng.below(8)]);
    const orig = at * page + one([0, 0, 64, 2048]);
    const bus = (chance(70) ? frame(at) : 0x60000 + rng.below(6)) * page + (orig % page);
    const slot = rng.below(128);
    const isBounced = chance(40);
    const address = isBounced ? frame(poolAt + (slot >> 1)) * page + (slot & 1) * 2048 : chance(5) ? 2 ** 63 : bus;
    const outcome = chance(90) ? Outcome.granted : one([Outcome.refused, Outcome.unknown, Outcome.refusedList]);
    const isGranted = outcome === Outcome.granted;
    const m = made(maps, {
      ...{ time: 1000 + i, device: rng.below(2), orig, size: one([20, 512, page, 2 * page, 3 * page]), outcome },
      ...{ mask: one([2 ** 32 - 1, 2 ** 64, 0x5fff_ffff, Number.NaN]), forced: isBounced && chance(20) },
      ...(isGranted ? { address } : {}),
    });
    if (!isGranted || (isBounced && chance(50))) maps.bounced[m] = 1;
    maps.direction[m] = rng.below(3);
    maps.attrs[m] = chance(5) ? 1 << 10 : 0;
    const onBus = replay.locate(m, chance(80) ? bus : Number.NaN);
    maps.onBus[m] = chance(90) ? onBus : null;
    replay.mapped(m);
    lines.push(json([onBus, maps.bounced[m], maps.hi[beginOf(m)]]));
    if (isGranted) living.push(m);
  }
  const end = { used: rng.below(9), hiwater: rng.below(20), indexes: chance(80) ? [rng.below(128)] : [], living };
  const outcome = replay.finish({ ...end, recordedRefusals: 2, listRefusals: 1, comparable: chance(80) });
  const { addresses, originals, own: owned, foreign, grants, causes, cache, notes, ...rest } = outcome;
  const shown = { causes, originals, own: owned, notes: notes.length };
  const parts = [lines.join("\n"), json(addresses), json(foreign), json(grants), json(cache), json(notes), json(rest)];
  return `${seed} ${xen.memory}: ${json(shown)} ${parts.map(hash).join(" ")}`;
}

const rows = [false, true].flatMap((direct) => Array.from({ length: 6 }, (_, k) => ({ direct, from: 8 * k })));

test.each(rows)("mapped directly: $direct, worlds from $from on", ({ direct, from }) => {
  const worlds = Array.from({ length: 8 }, (_, k) => told(from + k, direct));
  expect(worlds.join("\n")).toMatchSnapshot();
});
