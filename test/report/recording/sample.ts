/**
 * A report to print in tests: three devices share a forced pool of 512 slots under growing load until it is full.
 *
 * The pool here is a plain first-fit search of our own, independent of the library's: reports are tested on whatever
 * data they are given, and this data hangs together (pictures agree with counts, the map with the timeline).
 */
import { Rng } from "../../../src/base/rng.js";
import type { FailureReason } from "../../../src/lab/replay/contracts/refusal.js";
import type { Failure, SlotRun } from "../../../src/lab/replay/told/failure.js";
import type { DeviceOutcome, ReplayOutcome } from "../../../src/lab/replay/told/outcome.js";
import type { RunReport } from "../../../src/report/recording/run_report.js";
import { sampleAudit } from "./sample_audit.js";

const slots = 512;
const setSlots = 128;
const from = 6_929_439;
const to = 38_412_907;
const columns = 480;
const rows = 128;
const bins = 960;

interface Kind {
  name: string;
  driver: string;
  sizes: readonly number[];
  /** Microseconds that a mapping lives, at most. */
  life: number;
  alignSlots: number;
}

const kinds: readonly Kind[] = [
  {
    name: "0000:00:03.0",
    driver: "nvme",
    sizes: [4096, 4096, 8192, 16384, 65536, 131072],
    life: 60_000,
    alignSlots: 2,
  },
  { name: "0000:00:1f.2", driver: "ahci", sizes: [512, 4096, 4096, 32768, 69632, 131072], life: 90_000, alignSlots: 1 },
  { name: "0000:00:02.0", driver: "e1000", sizes: [64, 1522, 2048, 2048], life: 20_000, alignSlots: 1 },
];

interface Live {
  slot: number;
  count: number;
  device: number;
  end: number;
}

class SamplePool {
  readonly owner = new Int8Array(slots).fill(-1);
  used = 0;

  free(live: Live): void {
    this.owner.fill(-1, live.slot, live.slot + live.count);
    this.used -= live.count;
  }

  /** @returns the first slot of `count` free ones inside one set, or -1. */
  find(count: number, align: number): number {
    for (let slot = 0; slot + count <= slots; slot += align) {
      if (Math.floor(slot / setSlots) !== Math.floor((slot + count - 1) / setSlots)) continue;
      let n = 0;
      while (n < count && this.owner[slot + n] === -1) n++;
      if (n === count) return slot;
    }
    return -1;
  }

  take(slot: number, count: number, device: number): void {
    this.owner.fill(device, slot, slot + count);
    this.used += count;
  }

  longestRun(): number {
    let longest = 0;
    let run = 0;
    for (let slot = 0; slot < slots; slot++) {
      if (slot % setSlots === 0) run = 0;
      run = this.owner[slot] === -1 ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    return longest;
  }

  picture(): SlotRun[] {
    const runs: SlotRun[] = [];
    for (let slot = 0; slot < slots; ) {
      const device = this.owner[slot]!;
      let count = 1;
      while (slot + count < slots && this.owner[slot + count] === device) count++;
      if (device !== -1) runs.push({ slot, count, device });
      slot += count;
    }
    return runs;
  }
}

/** @param seed another seed is another load. */
export function sampleReport(seed = 7): RunReport {
  const rng = new Rng(seed);
  const pool = new SamplePool();
  const live: Live[] = [];
  const failures: Failure[] = [];
  const most = new Uint32Array(bins);
  const fewest = new Uint32Array(bins).fill(0xffff_ffff);
  const failed = new Uint32Array(bins);
  const cells = new Uint8Array(columns * rows);
  const tally = kinds.map(() => ({ maps: 0, failed: 0, bytes: 0, now: 0, peak: 0 }));
  let hiwater = 0;
  let hiwaterTime = from;
  let column = 0;
  for (let time = from; time < to; time += 200 + rng.below(2200)) {
    for (let i = live.length - 1; i >= 0; i--) {
      if (live[i]!.end > time) continue;
      pool.free(live[i]!);
      tally[live[i]!.device]!.now -= live[i]!.count;
      live.splice(i, 1);
    }
    for (; column < columns && from + (column * (to - from)) / columns <= time; column++) {
      for (let row = 0; row < rows; row++) cells[row * columns + column] = pool.owner[row * 4]! + 1;
    }
    const phase = (time - from) / (to - from);
    const device = rng.below(phase > 0.45 && phase < 0.8 ? 4 : 8) < 2 ? rng.below(2) : phase < 0.2 ? 2 : rng.below(3);
    const kind = kinds[device]!;
    const size = device === 1 && rng.below(700) === 0 ? 270336 : kind.sizes[rng.below(kind.sizes.length)]!;
    const count = Math.ceil(size / 2048);
    const bin = Math.min(bins - 1, Math.floor(((time - from) * bins) / (to - from)));
    const life = kind.life * (phase > 0.45 && phase < 0.8 ? 1.1 : 0.25);
    tally[device]!.maps++;
    const slot = count > setSlots ? -1 : pool.find(count, kind.alignSlots);
    if (slot === -1) {
      failed[bin]!++;
      tally[device]!.failed++;
      failures.push(failureOf(pool, { time, device, size, count, cpu: rng.below(2), picture: failures.length < 300 }));
    } else {
      pool.take(slot, count, device);
      live.push({ slot, count, device, end: time + 400 + rng.below(life) });
      const t = tally[device]!;
      t.bytes += size;
      t.now += count;
      t.peak = Math.max(t.peak, t.now);
    }
    most[bin] = Math.max(most[bin]!, pool.used);
    fewest[bin] = Math.min(fewest[bin]!, pool.used);
    if (pool.used > hiwater) {
      hiwater = pool.used;
      hiwaterTime = time;
    }
  }
  for (let b = 0; b < bins; b++) if (fewest[b] === 0xffff_ffff) fewest[b] = most[b] = most[b - 1] ?? 0;
  const devices = kinds.map((kind, d): DeviceOutcome => deviceOf(kind, d, tally[d]!, live));
  const hopeless = failures.filter((f) => f.reason === "too-large").length;
  const total = tally.reduce((sum, t) => sum + t.maps, 0);
  const outcome: ReplayOutcome = {
    source: {
      name: "sample/trace.txt",
      format: "ftrace",
      kernel: "7.2.13+deb14-amd64",
      events: total * 3,
      lost: 0,
      cpus: 2,
      excerpt: false,
      from,
      to,
      warnings: [{ where: "line 4711", what: "expected an event, found half a line: the line was left out" }],
    },
    machine: {
      kernel: "7.2.13+deb14-amd64",
      cpus: 2,
      swiotlb: { base: 0xbe00000, slots, areas: 2, forced: true, late: false, profile: "7.0 and later" },
      inferred: ["swiotlb.areas", "devices.0000:00:03.0.minAlignMask"],
      evidence: [
        'swiotlb.base: the log says "software IO TLB: mapped [mem 0x000000000be00000-0x000000000bf00000] (1MB)"',
        "swiotlb.areas: two CPUs searched, each in a half of its own",
      ],
    },
    maps: { ...noMaps, total, bounced: total - failures.length, failed: failures.length },
    ...{ shows: "mappings", replayedOn: "recorded", requests: null },
    pool: {
      ...{ slots, areas: 2, base: 0xbe00000, used: pool.used, hiwater, hiwaterTime, atLeast: false, counters: null },
      ...{ failures, refusedLists: [] },
    },
    exact: {
      compared: total - failures.length,
      equal: total - failures.length,
      corrections: 0,
      decisions: { compared: total, equal: total },
      refusals: { compared: failures.length, equal: failures.length },
      reordered: 14,
      mismatches: [],
      note: null,
    },
    devices,
    timeline: { from, width: (to - from) / bins, most, fewest, failures: failed },
    slotMap: {
      columns,
      rows,
      rowSlots: Uint32Array.from({ length: rows }, (_, row) => row * (slots / rows)),
      slotsPerRow: slots / rows,
      from,
      width: (to - from) / columns,
      cells,
    },
    whatIf: [
      { slots: 512, areas: 2, forced: true, bounced: total - failures.length, failed: failures.length, hiwater },
      { slots: 1024, areas: 2, forced: true, bounced: total - hopeless - 9, failed: hopeless + 9, hiwater: 611 },
      { slots: 2048, areas: 2, forced: true, bounced: total - hopeless, failed: hopeless, hiwater: 640 },
      { slots: 4096, areas: 2, forced: true, bounced: total - hopeless, failed: hopeless, hiwater: 640 },
      { slots: 4096, areas: 1, forced: true, bounced: total - hopeless, failed: hopeless, hiwater: 640 },
      { slots: 32768, areas: 2, forced: false, bounced: 0, failed: 0, hiwater: 0 },
    ],
    advice: {
      what: "swiotlb=2048,2,force",
      swiotlb: "swiotlb=2048,2,force",
      because: "the same requests on 2,048 slots leave only those that no pool can hold; twice as much changes nothing",
      confidence: "measured",
    },
  };
  return { outcome, audit: sampleAudit };
}

const noMaps = { total: 0, direct: 0, bounced: 0, translated: 0, foreign: 0, failed: 0, unknown: 0 };

interface Refused {
  time: number;
  device: number;
  size: number;
  count: number;
  cpu: number;
  picture: boolean;
}

function failureOf(pool: SamplePool, { time, device, size, count, cpu, picture }: Refused): Failure {
  const free = slots - pool.used;
  const longestRun = pool.longestRun();
  const reason: FailureReason =
    count > setSlots - 1 ? "too-large" : free < count ? "exhausted" : longestRun < count ? "fragmented" : "alignment";
  const words =
    `${kinds[device]!.driver} asked for ${size} bytes (${count} slots); ` +
    `${free} of ${slots} were free, the longest run ${longestRun}`;
  return {
    ...{ time, device, cpu, size, slots: count, reason, free, longestRun, used: pool.used, list: false, words },
    picture: picture ? pool.picture() : null,
  };
}

interface Tally {
  maps: number;
  failed: number;
  bytes: number;
  now: number;
  peak: number;
}

function deviceOf(kind: Kind, index: number, tally: Tally, live: readonly Live[]): DeviceOutcome {
  return {
    name: kind.name,
    driver: kind.driver,
    maskBits: index === 2 ? 32 : 64,
    minAlignMask: index === 0 ? 0xfff : 0,
    alignmentFrom: index === 0 ? "addresses" : "driver",
    boundary: index === 1 ? 65536 : 0,
    ...{ maps: tally.maps, direct: 0, bounced: tally.maps - tally.failed, translated: 0, failed: tally.failed },
    ...{ bytes: tally.bytes, bouncedBytes: tally.bytes, slotsPeak: tally.peak, slotsNow: tally.now },
    live: live.filter((l) => l.device === index).length,
    why: [{ words: "the kernel was told to bounce everything (swiotlb=force)", count: tally.maps - tally.failed }],
  };
}

/** A recording of direct mappings: no pool, nothing failed. */
export function calmReport(): RunReport {
  const { outcome } = sampleReport();
  const calm: ReplayOutcome = {
    ...outcome,
    source: { ...outcome.source, warnings: [] },
    machine: { kernel: null, cpus: 2, swiotlb: null, inferred: [], evidence: [] },
    maps: { ...noMaps, total: 1200, direct: 1200 },
    ...{ pool: null, timeline: null, slotMap: null, whatIf: [] },
    exact: {
      ...{ compared: 0, equal: 0, corrections: 0, reordered: 0, mismatches: [], note: null },
      decisions: { compared: 0, equal: 0 },
      refusals: { compared: 0, equal: 0 },
    },
    devices: outcome.devices.map((d) => ({ ...d, direct: 400, maps: 400, bounced: 0, failed: 0, why: [] })),
    advice: {
      ...{ what: "nothing to change", swiotlb: null, because: "none of 1,200 mappings bounced" },
      confidence: "measured",
    },
  };
  return { outcome: calm, audit: { leaks: [], violations: [] } };
}
