/**
 * The machine that a recording was made on: read from its log where the log says it, inferred from the addresses that
 * the kernel chose where it does not.
 */
import { EventKind } from "../../read/event.js";
import { pageBytes, poolSlotsDefault, poolSlotsMin, slotBytes } from "../../spec/swiotlb/sizes.js";
import { limitAreas, type Profile, parseSwiotlb, profileOf, profiles } from "../../sw/swiotlb/index.js";
import { maskChanges } from "./alignment_changes.js";
import { alignmentOf, alignmentsTried } from "./drivers.js";
import { inOrder, inStep, type Score, type Shape } from "./in_step.js";
import type { Operation } from "./operation.js";
import type { Places } from "./places.js";
import type { Alignments } from "./refusal.js";
import type { Survey } from "./survey.js";
import type { PoolBegin } from "./xen/begin.js";

/** What a kernel log says of the machine; null where it is silent. */
export interface LogFacts {
  readonly kernel: string | null;
  /** Value of `swiotlb=` on the command line; "" when there is a command line without it. */
  readonly swiotlb: string | null;
  /** Possible CPUs. */
  readonly cpus: number | null;
  readonly areas: number | null;
  /** Bounds of the pool, bytes: [first, end). */
  readonly pool: { readonly from: number; readonly to: number } | null;
  /** A paravirtualised Xen domain: bus addresses are the machine's. */
  readonly xen?: boolean;
  /** Driver of a device by its name ("0000:00:03.0"). */
  readonly drivers: ReadonlyMap<string, string>;
}

export interface DeviceAlignment {
  readonly driver: string | null;
  readonly minAlignMask: number;
  readonly boundary: number;
  readonly from: "driver" | "addresses" | "assumed" | "described";
  /** What held from some time on (microseconds) instead, in order of time; absent when nothing changed. */
  readonly changes?: readonly { readonly time: number; readonly minAlignMask: number; readonly boundary: number }[];
}

export interface PoolMachine extends Shape {
  readonly forced: boolean;
  /** The recording begins with a pool that is already in use. */
  readonly late: boolean;
  /** Where its bytes are on the bus, when that is not where they are in memory. */
  readonly places?: Places;
  /** Its state at the recording's beginning, when a dump says it. */
  readonly begin?: PoolBegin;
}

/** Bounds and areas of a pool as a dump of the kernel's memory says them. */
export interface KnownPool {
  readonly base: number;
  readonly slots: number;
  readonly areas: number;
  readonly forced: boolean | null;
  readonly name: string;
}

export interface Machine {
  readonly kernel: string | null;
  readonly cpus: number;
  readonly pool: PoolMachine | null;
  /** Search rules of this kernel, whether there is a pool or not. */
  readonly profile: Profile;
  /** By the source's device numbers. */
  readonly devices: readonly DeviceAlignment[];
  readonly inferred: readonly string[];
  readonly evidence: readonly string[];
}

/** Mappings on which a candidate machine is tried. */
const triedMax = 3000;
/** The same where every base is possible. */
const lateTriedMax = 1500;
const lateBasesMax = 600;
/** Candidates tried with the true order looked for. */
const triedInOrder = 6;
/** A machine that predicts less than this share of addresses is doubted. */
const believable = 0.8;

/** @param names devices by number; @param cpus as the recording's header says */
export function inferMachine(o: {
  readonly survey: Survey;
  readonly log: LogFacts | null;
  readonly kernel: string | null;
  readonly cpus: number;
  readonly deviceNames: readonly string[];
  readonly known?: KnownPool | null;
  /** Bytes that the pool's start is a multiple of. */
  readonly baseStep?: number;
}): Machine {
  const { survey, log, known = null, baseStep = pageBytes } = o;
  const kernel = log?.kernel ?? o.kernel;
  const inferred: string[] = [],
    evidence: string[] = [];
  const cpus = log?.cpus ?? Math.max(o.cpus, survey.cpuMax + 1);
  const drivers = o.deviceNames.map((name) => log?.drivers.get(name) ?? null);
  const table = drivers.map((driver) => alignmentOf(driver));
  const prior = alignmentsBy(
    (d) => table[d]?.minAlignMask ?? 0,
    (d) => table[d]?.boundary ?? 0,
  );
  const question = { survey, log, kernel, cpus, prior, baseStep, inferred, evidence };
  const pool = known === null ? inferPool(question) : knownPool(known, question);
  const devices = inferAlignments({ survey, pool, table, drivers, prior, count: o.deviceNames.length });
  devices.forEach((d, i) => {
    for (const { time, minAlignMask } of d.changes ?? []) {
      const when = `${(time / 1e6).toFixed(6)} s`;
      const what = `min_align_mask 0x${minAlignMask.toString(16)} from ${when} on`;
      evidence.push(`${o.deviceNames[i]}: ${what}, by the low bits that its bounces kept`);
    }
    if (d.from !== "driver" && (survey.devices[i]?.bounced ?? 0) > 0)
      inferred.push(`devices.${o.deviceNames[i]}.alignment`);
  });
  return { kernel, cpus, pool, profile: pool?.profile ?? profileOf(kernel), devices, inferred, evidence };
}

export function alignmentsBy(mam: (d: number) => number, boundary: (d: number) => number): Alignments {
  return {
    minAlignMask: mam,
    allocAlignMask: () => 0,
    boundarySlots: (d) => boundary(d) / slotBytes,
  };
}

/** The alignments of a machine's devices at any time. */
export function alignmentsOf(devices: readonly DeviceAlignment[]): Alignments {
  if (devices.every((d) => d.changes === undefined)) {
    return alignmentsBy(
      (d) => devices[d]?.minAlignMask ?? 0,
      (d) => devices[d]?.boundary ?? 0,
    );
  }
  const at = (d: number, time: number | undefined) => {
    const device = devices[d];
    if (device?.changes === undefined || time === undefined) return device;
    return device.changes.findLast((c) => c.time <= time) ?? device;
  };
  return {
    minAlignMask: (d, time) => at(d, time)?.minAlignMask ?? 0,
    allocAlignMask: () => 0,
    boundarySlots: (d, time) => (at(d, time)?.boundary ?? 0) / slotBytes,
  };
}

/** `stated`: size and areas are what the log says. */
interface Candidate extends Shape {
  readonly stated?: boolean;
}

interface PoolQuestion {
  readonly survey: Survey;
  readonly log: LogFacts | null;
  readonly kernel: string | null;
  readonly cpus: number;
  readonly prior: Alignments;
  readonly baseStep: number;
  readonly inferred: string[];
  readonly evidence: string[];
}

function inferPool(q: PoolQuestion): PoolMachine | null {
  const { survey, log, inferred, evidence } = q;
  const seen = survey.highest > 0;
  if (!seen && log?.pool == null) return null;
  const forced = survey.forced > 0;
  const candidates = seen ? shapes(q) : [];
  const stated = log?.pool != null && statedShape(q);
  if (stated) {
    evidence.push("pool bounds: the log's `software IO TLB: mapped` line");
    if (!seen) return { ...plain(stated), forced, late: false };
    candidates.unshift(stated);
  }
  const tried = best(stated ? candidates.filter((c) => c.base === stated.base) : candidates, q, triedMax);
  const fromBoot = tried !== null && tried.equal >= tried.compared * believable && !beganLate(survey);
  const late = stated || fromBoot ? null : best(lateShapes(q), q, lateTriedMax);
  const found = late !== null && (tried === null || share(late) >= share(tried)) ? late : tried;
  if (found === null) return null;
  if (!stated) {
    inferred.push("swiotlb.base");
    const predicted = `${found.equal} of the first ${found.compared} bounce addresses`;
    const doubt = found === late ? "; the pool was in use before, so a base some pages away may predict as much" : "";
    evidence.push(`pool base: ${predicted} are where this base predicts them${doubt}`);
    if (log?.swiotlb == null) inferred.push("swiotlb.slots");
    else
      evidence.push(log.swiotlb === "" ? "slots: the default, no swiotlb= was given" : `slots: swiotlb=${log.swiotlb}`);
  }
  if (log?.areas == null) inferred.push("swiotlb.areas");
  else evidence.push("areas: the log's `area num` line");
  evidence.push(forced ? "forced: swiotlb_bounced says FORCE" : "not forced: swiotlb_bounced says NORMAL");
  const { shape } = found;
  const before = survey.orphans.some(
    (x) => x.address >= shape.base && x.address < shape.base + shape.slots * slotBytes,
  );
  return { ...plain(shape), forced, late: before || found === late };
}

/** Only the search rules are open. */
function knownPool(known: KnownPool, q: PoolQuestion): PoolMachine {
  const { survey, evidence } = q;
  const { base, slots, areas } = known;
  evidence.push(`pool bounds, areas and slots: ${known.name}`);
  const presumed = profileOf(q.kernel);
  const candidates = [presumed, ...profiles.filter((p) => p !== presumed)].map((profile) => {
    return { base, slots, areas, profile, stated: true };
  });
  const tried = survey.highest > 0 ? best(candidates, q, triedMax) : null;
  const forced = survey.forced > 0 || (survey.kinds[EventKind.bounced] === 0 && (known.forced ?? false));
  const said = survey.kinds[EventKind.bounced] === 0 ? "the dump of the pool" : "swiotlb_bounced";
  evidence.push(`${forced ? "forced" : "not forced"}: by ${said}`);
  const late = survey.orphans.some((x) => x.address >= base && x.address < base + slots * slotBytes);
  return { base, slots, areas, profile: tried?.shape.profile ?? presumed, forced, late };
}

const plain = ({ base, slots, areas, profile }: Shape): Shape => ({ base, slots, areas, profile });

const share = (t: Score) => t.equal / Math.max(1, t.compared);

/** Something near the bounces seen was unmapped that was never seen mapped. */
function beganLate(survey: Survey): boolean {
  return survey.orphans.some((o) => o.address >= survey.lowest && o.address < survey.highest);
}

interface Tried extends Score {
  readonly shape: Candidate;
}

/**
 * The candidate that predicts most; null when there is none that predicts anything.
 *
 * The first ones are the likeliest: one that predicts believably is taken before any that is less likely. Otherwise the
 * best few are tried again with the true order looked for, because races hide the difference.
 */
function best(candidates: readonly Candidate[], q: PoolQuestion, limit: number): Tried | null {
  const tried: Tried[] = [];
  let fewest = Number.POSITIVE_INFINITY;
  for (const shape of candidates) {
    // Another kernel's search rules are tried only where those of this kernel explain too little.
    if (shape.profile !== candidates[0]!.profile && tried.some((t) => share(t) > believable)) continue;
    const score = inStep(shape, q.survey.sample, q.prior, { compared: limit, wrong: fewest + limit / 10 });
    if (score.compared === 0) continue;
    if (score.equal === score.compared || (shape.stated === true && share(score) > believable))
      return { shape, ...score };
    tried.push({ shape, ...score });
    if (score.compared >= limit) fewest = Math.min(fewest, score.compared - score.equal);
  }
  tried.sort((a, b) => b.equal - a.equal);
  let found: Tried | null = null;
  for (const { shape } of tried.slice(0, triedInOrder)) {
    const score = inOrder(shape, q.survey.sample, q.prior, limit * 2);
    if (found === null || share(score) > share(found)) found = { shape, ...score };
  }
  return found;
}

/**
 * Candidates for a recording that begins with a pool in use, where no first address marks the start of an area.
 * Searches go on from where the last one ended, so before long they have been everywhere: the pool begins a little
 * below the lowest address seen and ends a little above the highest.
 */
function lateShapes(q: PoolQuestion): Candidate[] {
  const { survey } = q;
  const found: Candidate[] = [];
  const { baseStep } = q;
  const stepOf = (address: number) => Math.floor(address / baseStep) * baseStep;
  for (const { slots, areas } of sizesAsked(q)) {
    const lowest = Math.max(0, survey.highest - slots * slotBytes);
    const steps = Math.floor((stepOf(survey.lowest) - lowest) / baseStep);
    for (let k = 0; k <= Math.min(steps, lateBasesMax); k++) {
      add(found, { base: stepOf(survey.lowest) - k * baseStep, slots, areas, profile: profileOf(q.kernel) }, survey);
    }
  }
  // Where several predict as much, the roundest base is the likeliest.
  return found.sort((a, b) => roundness(b.base) - roundness(a.base));
}

/** Zeros at the end of an address, in bits. */
function roundness(address: number): number {
  let bits = 0;
  while (bits < 40 && address % 2 ** (bits + 1) === 0) bits++;
  return bits;
}

/** Sizes and areas that are stated, or likely when nothing is. */
function sizesAsked(q: PoolQuestion): { slots: number; areas: number }[] {
  const { log } = q;
  if (log?.swiotlb == null) {
    const span = Math.ceil((q.survey.highest - q.survey.lowest) / slotBytes);
    const slots = Math.max(poolSlotsMin, powerOfTwo(span));
    return [{ slots, areas: limitAreas(log?.areas ?? powerOfTwo(q.cpus), slots) }];
  }
  const asked = parseSwiotlb(log.swiotlb, { cpus: q.cpus });
  return [{ slots: asked.slots, areas: limitAreas(log.areas ?? asked.areas, asked.slots) }];
}

/** Where the log gives the bounds, only the areas and the search rules are open. */
function statedShape(q: PoolQuestion): Candidate {
  const { from, to } = q.log!.pool!;
  const slots = Math.floor((to - from) / slotBytes);
  return {
    base: from,
    slots,
    areas: limitAreas(q.log!.areas ?? powerOfTwo(q.cpus), slots),
    profile: profileOf(q.kernel),
  };
}

/** Candidate shapes, likeliest first. */
function shapes(q: PoolQuestion): Candidate[] {
  const { survey, log } = q;
  const firsts = firstByCpu(survey.sample);
  const asked = log?.swiotlb == null ? null : parseSwiotlb(log.swiotlb, { cpus: q.cpus });
  const areaCounts = unique([asked?.areas ?? null, log?.areas ?? null, powerOfTwo(q.cpus), 1, 2, 4, 8, 16, 32, 64]);
  const slotCounts = unique([
    asked?.slots ?? null,
    ...(asked === null ? [...spacings(firsts, areaCounts), poolSlotsDefault] : []),
  ]);
  const found: Candidate[] = [];
  const presumed = profileOf(q.kernel);
  for (const profile of [presumed, ...profiles.filter((p) => p !== presumed)]) {
    for (const slots of slotCounts) {
      for (const wanted of areaCounts) {
        const areas = limitAreas(wanted, slots);
        const areaBytes = Math.floor(slots / areas) * slotBytes;
        for (const first of firsts.slice(0, 4)) {
          const base = first.address - (first.cpu & (areas - 1)) * areaBytes;
          const stated = slots === asked?.slots && wanted === (log?.areas ?? asked.areas);
          add(found, { base: base - (base % q.baseStep), slots, areas, profile, stated }, survey);
        }
      }
    }
  }
  return found;
}

function add(found: Candidate[], s: Candidate, survey: Survey): void {
  if (s.base < 0 || survey.lowest < s.base || survey.lowest >= s.base + s.slots * slotBytes) return;
  const known = found.some(
    (f) => f.base === s.base && f.slots === s.slots && f.areas === s.areas && f.profile === s.profile,
  );
  if (!known) found.push(s);
}

/** Each CPU's first bounce: in an empty pool it stands at the start of that CPU's area. */
function firstByCpu(sample: readonly Operation[]): Operation[] {
  const firsts = new Map<number, Operation>();
  for (const op of sample) {
    if (!op.unmap && op.address >= 0 && !firsts.has(op.cpu)) firsts.set(op.cpu, op);
  }
  return [...firsts.values()];
}

/** Pool sizes that the distance between two CPUs' first bounces allows. */
function spacings(firsts: readonly Operation[], areaCounts: readonly number[]): number[] {
  const [a, b] = firsts;
  if (a === undefined || b === undefined || a.cpu === b.cpu) return [];
  const areaBytes = (b.address - a.address) / (b.cpu - a.cpu);
  if (!(areaBytes > 0) || areaBytes % slotBytes !== 0) return [];
  return areaCounts.filter((n) => n > Math.max(a.cpu, b.cpu)).map((n) => (areaBytes / slotBytes) * n);
}

function inferAlignments(o: {
  readonly survey: Survey;
  readonly pool: PoolMachine | null;
  readonly table: readonly ReturnType<typeof alignmentOf>[];
  readonly drivers: readonly (string | null)[];
  readonly prior: Alignments;
  readonly count: number;
}): DeviceAlignment[] {
  const masks = [...new Set(alignmentsTried.map((t) => t.minAlignMask))];
  const changes = o.pool === null ? [] : maskChanges(o.survey.sample, masks);
  /** Of each device, from each of its changes on: how many bounces each pair of values predicts. */
  const equal = Array.from({ length: o.count }, (_, d) => {
    return Array.from({ length: 1 + (changes[d]?.length ?? 0) }, () => new Float64Array(alignmentsTried.length));
  });
  const partOf = (d: number, time: number) => {
    const times = changes[d];
    return times === undefined ? 0 : times.filter((t) => t <= time).length;
  };
  if (o.pool !== null) {
    const all = { compared: Number.POSITIVE_INFINITY, wrong: Number.POSITIVE_INFINITY };
    inStep(o.pool, o.survey.sample, o.prior, all, (pool, op, kernel) => {
      const high = Math.floor(op.orig / 2 ** 32),
        low = op.orig >>> 0;
      const part = equal[op.device]![partOf(op.device, op.lo)]!;
      alignmentsTried.forEach((t, h) => {
        const found = pool.find(op.cpu, high, low, op.size, t.minAlignMask, 0, t.boundary / slotBytes);
        if (found === kernel) part[h]!++;
      });
    });
  }
  return Array.from({ length: o.count }, (_, d) => {
    const stated = o.table[d] ?? null;
    const driver = o.drivers[d] ?? null;
    const parts = equal[d]!.map((scores) => likeliest(scores, stated));
    const first = { driver, ...parts[0]! };
    if (parts.length === 1) return first;
    return { ...first, changes: parts.slice(1).map((part, k) => ({ ...part, time: changes[d]![k]! })) };
  });
}

/** The values that predict most bounces; those that the driver is known for where they predict as many. */
function likeliest(
  scores: Float64Array,
  stated: ReturnType<typeof alignmentOf>,
): Pick<DeviceAlignment, "minAlignMask" | "boundary" | "from"> {
  const most = scores.reduce((a, b) => Math.max(a, b), 0);
  const known = alignmentsTried.findIndex(
    (t) => t.minAlignMask === (stated?.minAlignMask ?? 0) && t.boundary === (stated?.boundary ?? 0),
  );
  if (scores[known]! >= most) {
    const t = alignmentsTried[known]!;
    const only = most > 0 && scores.filter((s) => s === most).length === 1;
    return { ...t, from: stated !== null ? "driver" : only ? "addresses" : "assumed" };
  }
  return { ...alignmentsTried[scores.indexOf(most)]!, from: "addresses" };
}

function powerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

function unique(values: readonly (number | null)[]): number[] {
  return [...new Set(values.filter((v): v is number => v !== null && v > 0 && Number.isInteger(v)))];
}
