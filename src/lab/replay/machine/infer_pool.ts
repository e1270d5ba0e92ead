/** The pool of a recorded machine: every shape that the kernel could have made, tried against the addresses it chose. */
import { EventKind } from "../../../read/event.js";
import { poolSlotsDefault, poolSlotsMin, slotBytes } from "../../../spec/swiotlb/sizes.js";
import {
  adjustAreas,
  adjustForSmallBuffers,
  limitAreas,
  type Profile,
  parseSwiotlb,
  profileOf,
  profiles,
  readParameter,
  withPages,
} from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { FirstReading } from "./first_reading.js";
import { isArm64, type LogFacts } from "./log_facts.js";
import type { KnownPool, PoolMachine } from "./machine.js";
import { granted, type Sample } from "./sample.js";
import { type Shape, type TrialScore, trialAsRecorded, trialInFoundOrder } from "./trials.js";

/** Mappings on which a candidate machine is tried. */
const triedMax = 3000;
/** The same where every base is possible. */
const lateTriedMax = 1500;
const lateBasesMax = 600;
/** Candidates tried with the true order looked for. */
const triedInOrder = 6;
/** A machine that predicts less than this share of addresses is doubted. */
const believable = 0.8;
/** With more buffers than this whose bus addresses are not physical ones, a pool may lie in pieces. */
const movedMax = 0.5;

/** `stated`: size and areas are what the log says. */
interface Candidate extends Shape {
  readonly stated?: boolean;
}

export interface PoolQuestion {
  readonly firstReading: FirstReading;
  readonly log: LogFacts | null;
  readonly kernel: string | null;
  readonly cpus: number;
  readonly prior: Alignments;
  readonly baseStep: number;
  readonly inferred: string[];
  readonly evidence: string[];
}

export function inferPool(q: PoolQuestion): PoolMachine | null {
  const { firstReading, log, inferred, evidence } = q;
  const seen = firstReading.highest > 0;
  if (!seen && log?.pool == null) return null;
  const shown = firstReading.kinds[EventKind.bounced]! > 0;
  const asked = log?.swiotlb == null ? null : parseSwiotlb(log.swiotlb, { cpus: q.cpus });
  const forced = shown ? firstReading.forced > 0 : asked?.mode === "force";
  const candidates = seen ? shapes(q) : [];
  const stated = log?.pool != null && statedShape(q);
  if (stated) {
    evidence.push("pool bounds: the log's `software IO TLB: mapped` line");
    if (!seen) return { ...plain(stated), forced, late: false };
    candidates.unshift(stated);
  }
  const tried = best(stated ? candidates.filter((c) => c.base === stated.base) : candidates, q, triedMax);
  const fromBoot = tried !== null && tried.equal >= tried.compared * believable && !beganLate(firstReading);
  const late = stated || fromBoot ? null : best(lateShapes(q), q, lateTriedMax);
  const found = late !== null && (tried === null || share(late) >= share(tried)) ? late : tried;
  if (found === null) return null;
  if (!stated && firstReading.movedShare > movedMax && share(found) < believable) {
    evidence.push(
      "no pool: buffers have bus addresses that are not their physical ones, as under a hypervisor, and no base explains the bounces",
    );
    return null;
  }
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
  if (shown) evidence.push(forced ? "forced: swiotlb_bounced says FORCE" : "not forced: swiotlb_bounced says NORMAL");
  else if (asked !== null) evidence.push(`${forced ? "forced" : "not forced"}: swiotlb=${log!.swiotlb}`);
  const { shape } = found;
  const before = firstReading.orphans.some(
    (x) => x.address >= shape.base && x.address < shape.base + shape.slots * slotBytes,
  );
  return { ...plain(shape), forced, late: before || found === late };
}

/** Only the search rules are open. */
export function knownPool(known: KnownPool, q: PoolQuestion): PoolMachine {
  const { firstReading, evidence } = q;
  const { base, slots, areas } = known;
  evidence.push(`pool bounds, areas and slots: ${known.name}`);
  const presumed = presumedOf(q);
  const candidates = [presumed, ...others(presumed)].map((profile) => {
    return { base, slots, areas, profile, stated: true };
  });
  const tried = firstReading.highest > 0 ? best(candidates, q, triedMax) : null;
  const forced = firstReading.forced > 0 || (firstReading.kinds[EventKind.bounced] === 0 && (known.forced ?? false));
  const said = firstReading.kinds[EventKind.bounced] === 0 ? "the dump of the pool" : "swiotlb_bounced";
  evidence.push(`${forced ? "forced" : "not forced"}: by ${said}`);
  const late = firstReading.orphans.some((x) => x.address >= base && x.address < base + slots * slotBytes);
  return { base, slots, areas, profile: tried?.shape.profile ?? presumed, forced, late };
}

const presumedOf = (q: PoolQuestion): Profile => profileOf(q.kernel, q.log?.pageBytes ?? null);

/** Search rules of other kernels, on pages of the same size. */
function others(presumed: Profile): Profile[] {
  return profiles.filter((p) => p.id !== presumed.id).map((p) => withPages(p, presumed.rules.pageBytes));
}

const plain = ({ base, slots, areas, profile }: Shape): Shape => ({ base, slots, areas, profile });

const share = (t: TrialScore) => t.equal / Math.max(1, t.compared);

/** Something near the bounces seen was unmapped that was never seen mapped. */
function beganLate(firstReading: FirstReading): boolean {
  return firstReading.orphans.some((o) => o.address >= firstReading.lowest && o.address < firstReading.highest);
}

interface Tried extends TrialScore {
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
    const score = trialAsRecorded(shape, q.firstReading.sample, q.prior, {
      compared: limit,
      wrong: fewest + limit / 10,
    });
    if (score.compared === 0) continue;
    if (score.equal === score.compared || (shape.stated === true && share(score) > believable))
      return { shape, ...score };
    tried.push({ shape, ...score });
    if (score.compared >= limit) fewest = Math.min(fewest, score.compared - score.equal);
  }
  tried.sort((a, b) => b.equal - a.equal);
  let found: Tried | null = null;
  for (const { shape } of tried.slice(0, triedInOrder)) {
    const score = trialInFoundOrder(shape, q.firstReading.sample, q.prior, limit * 2);
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
  const { firstReading } = q;
  const found: Candidate[] = [];
  const { baseStep } = q;
  const stepOf = (address: number) => Math.floor(address / baseStep) * baseStep;
  for (const { slots, areas } of sizesAsked(q)) {
    const lowest = Math.max(0, firstReading.highest - slots * slotBytes);
    const steps = Math.floor((stepOf(firstReading.lowest) - lowest) / baseStep);
    for (let k = 0; k <= Math.min(steps, lateBasesMax); k++) {
      add(
        found,
        { base: stepOf(firstReading.lowest) - k * baseStep, slots, areas, profile: presumedOf(q) },
        firstReading,
      );
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
    const span = Math.ceil((q.firstReading.highest - q.firstReading.lowest) / slotBytes);
    const slots = Math.max(poolSlotsMin, powerOfTwo(span));
    return [{ slots, areas: limitAreas(log?.areas ?? powerOfTwo(q.cpus), slots) }];
  }
  const asked = parseSwiotlb(log.swiotlb, { cpus: q.cpus });
  return unique([asked.slots, smallSlots(q)]).map((slots) => {
    return { slots, areas: limitAreas(log.areas ?? asked.areas, slots) };
  });
}

/**
 * Slots of the pool that arm64 makes where all memory lies below 4 GiB, and where nothing but the default's number was
 * asked for; null elsewhere.
 */
function smallSlots({ log, kernel, cpus }: PoolQuestion): number | null {
  const memory = log?.memoryBytes ?? null;
  if (memory === null || log?.swiotlb == null || !isArm64(log, kernel)) return null;
  const asked = readParameter(log.swiotlb);
  const boot = adjustForSmallBuffers(asked, memory);
  if (boot === asked) return null;
  return boot.areas === 0 ? adjustAreas(boot, cpus).slots : boot.slots;
}

/** Where the log gives the bounds, only the areas and the search rules are open. */
function statedShape(q: PoolQuestion): Candidate {
  const { from, to } = q.log!.pool!;
  const slots = Math.floor((to - from) / slotBytes);
  return {
    base: from,
    slots,
    areas: limitAreas(q.log!.areas ?? powerOfTwo(q.cpus), slots),
    profile: presumedOf(q),
  };
}

/** Candidate shapes, likeliest first. */
function shapes(q: PoolQuestion): Candidate[] {
  const { firstReading, log } = q;
  const firsts = firstByCpu(firstReading.sample);
  const asked = log?.swiotlb == null ? null : parseSwiotlb(log.swiotlb, { cpus: q.cpus });
  const areaCounts = unique([asked?.areas ?? null, log?.areas ?? null, powerOfTwo(q.cpus), 1, 2, 4, 8, 16, 32, 64]);
  const small = smallSlots(q);
  const slotCounts = unique([
    asked?.slots ?? null,
    small,
    ...(asked === null ? [...spacings(firsts, areaCounts), poolSlotsDefault] : []),
  ]);
  const found: Candidate[] = [];
  const presumed = presumedOf(q);
  for (const profile of [presumed, ...others(presumed)]) {
    for (const slots of slotCounts) {
      for (const wanted of areaCounts) {
        const areas = limitAreas(wanted, slots);
        const areaBytes = Math.floor(slots / areas) * slotBytes;
        for (const first of firsts.slice(0, 4)) {
          const base = first.address - (first.cpu & (areas - 1)) * areaBytes;
          const stated = small === null && slots === asked?.slots && wanted === (log?.areas ?? asked.areas);
          add(found, { base: base - (base % q.baseStep), slots, areas, profile, stated }, firstReading);
        }
      }
    }
  }
  return found;
}

function add(found: Candidate[], s: Candidate, firstReading: FirstReading): void {
  if (s.base < 0 || firstReading.lowest < s.base || firstReading.lowest >= s.base + s.slots * slotBytes) return;
  const known = found.some(
    (f) => f.base === s.base && f.slots === s.slots && f.areas === s.areas && f.profile === s.profile,
  );
  if (!known) found.push(s);
}

interface First {
  readonly cpu: number;
  readonly address: number;
}

/** Each CPU's first bounce: in an empty pool it stands at the start of that CPU's area. */
function firstByCpu(sample: Sample): First[] {
  const { cpu, address } = sample.maps;
  const firsts = new Map<number, First>();
  for (const m of granted(sample)) {
    if (!firsts.has(cpu[m]!)) firsts.set(cpu[m]!, { cpu: cpu[m]!, address: address[m]! });
  }
  return [...firsts.values()];
}

/** Pool sizes that the distance between two CPUs' first bounces allows. */
function spacings(firsts: readonly First[], areaCounts: readonly number[]): number[] {
  const [a, b] = firsts;
  if (a === undefined || b === undefined || a.cpu === b.cpu) return [];
  const areaBytes = (b.address - a.address) / (b.cpu - a.cpu);
  if (!(areaBytes > 0) || areaBytes % slotBytes !== 0) return [];
  return areaCounts.filter((n) => n > Math.max(a.cpu, b.cpu)).map((n) => (areaBytes / slotBytes) * n);
}

function powerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

function unique(values: readonly (number | null)[]): number[] {
  return [...new Set(values.filter((v): v is number => v !== null && v > 0 && Number.isInteger(v)))];
}
