/** Sums up a replay while it runs: per device, over time, by slot, and what failed. */
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { Failure } from "./failure.js";
import type { Machine } from "./machine.js";
import type { DeviceMasks } from "./masks.js";
import { movedWords } from "./moved.js";
import { Occupancy } from "./occupancy.js";
import { type Operation, Outcome } from "./operation.js";
import type { DeviceOutcome, Exact, UnknownBecause } from "./outcome.js";
import { type Places, StraightPlaces } from "./places.js";
import type { Carried, CarriedSink } from "./pool_model.js";
import { failureWords } from "./refusal.js";
import { TryCounter } from "./refused_tries.js";
import { SlotMapBuilder, TimelineBuilder } from "./timeline.js";
import { whyBounced } from "./why_bounced.js";

/** Refusals told one by one; those beyond are counted, so that memory does not grow with them. */
const refusalsMax = 20_000;
/** Pictures of the pool kept with failures, and mismatches told one by one. */
const picturesMax = 400;
const mismatchesMax = 50;

/** Why an outcome is not known: */
const underWay = "the recording ends, or lost events, before its outcome";
const noMaps = "no mapping event of the device is in the recording: they may have been left out";
const noEnds = "no event tells its outcome, nor how full the pool was: ends of mappings are not recorded";
const hadRoomLate = "no event tells its outcome, and the pool, which was in use before, had room as far as is known";
const hadRoom = "no event tells its outcome, and the pool had room";

interface DeviceTally {
  maps: number;
  direct: number;
  bounced: number;
  translated: number;
  failed: number;
  bytes: number;
  bouncedBytes: number;
  slotsPeak: number;
  live: number;
  why: Map<string, number>;
}

export class Tally implements CarriedSink {
  readonly #machine: Machine;
  readonly occupancy: Occupancy | null;
  readonly #timeline: TimelineBuilder | null;
  readonly #slotMap: SlotMapBuilder | null;
  readonly #devices: DeviceTally[] = [];
  readonly #masks: DeviceMasks;
  readonly #places: Places | null;
  readonly #learnt: readonly { readonly time: number; readonly offset: number }[];
  #learntFrom = 0;
  readonly #outsideWhat: string;
  readonly #completeFrom: number;
  readonly failures: Failure[] = [];
  readonly refusedLists: Failure[] = [];
  /** Refusals that are not in the two lists, and all that were larger than any pool can serve. */
  untold = 0;
  tooLarge = 0;
  readonly tries = new TryCounter();
  readonly #unknown = new Map<string, number>();
  readonly #endsMissing: boolean;
  readonly #movedUnknown: boolean;
  readonly #mapsSeen: (device: number) => boolean;
  readonly #saysRefused: (device: number, size: number) => boolean;
  readonly maps = { total: 0, direct: 0, bounced: 0, translated: 0, foreign: 0, failed: 0, unknown: 0 };
  readonly #mismatches: Exact["mismatches"][number][] = [];
  #compared = 0;
  #equal = 0;
  #outside = 0;
  #early = 0;
  #refusals = 0;
  #refusalsEqual = 0;
  #decisions = 0;
  #decisionsEqual = 0;

  constructor(o: {
    readonly machine: Machine;
    readonly masks: DeviceMasks;
    readonly from: number;
    readonly to: number;
    /** Time from which the recording has the events of every CPU. */
    readonly completeFrom: number;
    /** Where the pool is on the bus; null without a pool. */
    readonly places: Places | null;
    /** Bounces that the pool's first state was learnt from: nothing to compare. */
    readonly learnt?: readonly { readonly time: number; readonly offset: number }[];
    /** Whether ends of mappings are not recorded, so that the model is fuller than the pool was. */
    readonly endsMissing?: boolean;
    /** Whether nothing tells a bounce from a translation. */
    readonly movedUnknown?: boolean;
    /** Whether any mapping event of a device is in the recording. */
    readonly mapsSeen?: (device: number) => boolean;
    /** Whether the log tells of a refusal of such a request. */
    readonly saysRefused?: (device: number, size: number) => boolean;
  }) {
    this.#machine = o.machine;
    this.#places = o.places;
    const isOwn = o.places instanceof StraightPlaces || o.places === null;
    this.#outsideWhat = isOwn ? "outside the default pool" : "in machine frames that are not known to be the pool's";
    this.#learnt = o.learnt ?? [];
    this.#completeFrom = o.completeFrom;
    this.#endsMissing = o.endsMissing ?? false;
    this.#movedUnknown = o.movedUnknown ?? false;
    this.#mapsSeen = o.mapsSeen ?? (() => true);
    this.#saysRefused = o.saysRefused ?? (() => false);
    this.#masks = o.masks;
    const pool = o.machine.pool;
    this.occupancy = pool === null ? null : new Occupancy(pool.slots);
    this.#timeline = pool === null ? null : new TimelineBuilder(o.from, o.to);
    this.#slotMap = pool === null ? null : new SlotMapBuilder(o.from, o.to, pool.slots);
  }

  carried(c: Carried): void {
    if (c.op.unmap) this.#give(c.op.of!, c.op.at);
    else if (c.op.address === Outcome.refusedList) this.#refusedEntry(c);
    else this.#mapped(c);
  }

  /** A mapping from before the recording holds slots. */
  held(op: Operation, offset: number, time: number): void {
    if (this.occupancy === null) return;
    const slot = Math.floor(offset / slotBytes);
    const count = Math.ceil((op.size + (offset % slotBytes)) / slotBytes);
    const taking = this.occupancy.take({ slot, count, device: -1, time });
    op.shown = { slot, count, begin: time, taking };
    this.#timeline!.used(time, this.occupancy.used);
  }

  released(op: Operation): void {
    this.#give(op, op.hi);
  }

  #mapped(c: Carried): void {
    const { op } = c;
    if (op.address === Outcome.unknown) {
      this.#notShown(underWay);
      return;
    }
    const d = this.#device(op.device);
    this.maps.total++;
    d.maps++;
    if (op.address === Outcome.refused) {
      this.maps.failed++;
      d.failed++;
      this.#refused(c, this.failures);
      return;
    }
    d.bytes += op.size;
    d.live++;
    this.#decide(op);
    if (!op.bounced && this.#movedUnknown && op.address !== op.orig) {
      this.maps.unknown++;
      this.#unknown.set(movedWords, (this.#unknown.get(movedWords) ?? 0) + 1);
      return;
    }
    if (!op.bounced) {
      const translated = op.address !== op.orig;
      this.maps[op.placed?.foreign === true ? "foreign" : translated ? "translated" : "direct"]++;
      d[translated ? "translated" : "direct"]++;
      return;
    }
    this.maps.bounced++;
    d.bounced++;
    d.bouncedBytes += op.size;
    const words = whyBounced(op, this.#machine.pool?.forced ?? false);
    d.why.set(words, (d.why.get(words) ?? 0) + 1);
    this.#compare(c);
    this.#take(c, d);
  }

  #compare(c: Carried): void {
    if (c.op.address < 0) return;
    if (Number.isNaN(c.kernel)) {
      this.#outside++;
      return;
    }
    if (c.op.at < this.#completeFrom) {
      this.#early++;
      return;
    }
    if (this.#learnt.length > 0 && this.#learnt.some((l) => l.time === c.op.lo && l.offset === c.kernel)) {
      this.#learntFrom++;
      return;
    }
    this.#compared++;
    if (c.agrees) {
      this.#equal++;
      return;
    }
    if (this.#mismatches.length >= mismatchesMax) return;
    const model = c.model < 0 ? null : this.#places!.addressOf(c.model);
    this.#mismatches.push({ time: c.op.at, device: c.op.device, size: c.op.size, kernel: c.op.address, model });
  }

  #take(c: Carried, d: DeviceTally): void {
    const offset = c.op.address >= 0 ? c.kernel : c.model;
    if (!(offset >= 0) || this.occupancy === null) return;
    const count = Math.ceil((c.op.size + (offset % slotBytes)) / slotBytes);
    const slot = Math.floor(offset / slotBytes);
    const time = c.op.at;
    const taking = this.occupancy.take({ slot, count, device: c.op.device, time });
    c.op.shown = { slot, count, begin: time, taking };
    this.#timeline!.used(time, this.occupancy.used);
    d.slotsPeak = Math.max(d.slotsPeak, this.occupancy.heldBy(c.op.device));
  }

  #give(of: Operation, time: number): void {
    const d = this.#device(of.device);
    if (of.address !== Outcome.refusedList && of.device >= 0) d.live--;
    const place = of.shown;
    if (place === null || this.occupancy === null) return;
    of.shown = null;
    this.occupancy.give(place.slot, place.count, place.taking);
    this.#slotMap!.held(place.slot, place.count, of.device, place.begin, time);
    this.#timeline!.used(time, this.occupancy.used);
  }

  /** Entries of a refused list are granted until one is not; the kernel writes no event for any of them. */
  #refusedEntry(c: Carried): void {
    if (!c.op.listEnd && (c.op.retried || (c.model >= 0 && c.agrees))) {
      this.tries.entry(c.op);
      if (c.model >= 0 && c.agrees) this.#take(c, this.#device(c.op.device));
      return;
    }
    const why = this.#otherwise(c);
    if (why !== null) {
      this.#notShown(why);
      return;
    }
    this.tries.refused(c.op);
    this.#refused(c, this.refusedLists);
  }

  /** Why a search without an outcome need not have been refused; null where that is what happened. */
  #otherwise(c: Carried): string | null {
    const { device, size } = c.op;
    if (this.#saysRefused(device, size)) return null;
    if (this.#endsMissing) return noEnds;
    if (c.refusal !== null) return null;
    if (!this.#mapsSeen(device)) return noMaps;
    const { pool } = this.#machine;
    if (pool === null) return null;
    return pool.late ? hadRoomLate : hadRoom;
  }

  #notShown(words: string): void {
    this.maps.total++;
    this.maps.unknown++;
    this.#unknown.set(words, (this.#unknown.get(words) ?? 0) + 1);
  }

  get unknownBecause(): UnknownBecause[] {
    return [...this.#unknown].map(([words, count]) => ({ words, count, underWay: words === underWay }));
  }

  #refused(c: Carried, into: Failure[]): void {
    const { op } = c;
    const list = op.address === Outcome.refusedList;
    if (!list && op.bounced) {
      this.#refusals++;
      if (c.agrees) this.#refusalsEqual++;
    }
    this.#timeline?.failure(op.at);
    const o = this.occupancy;
    const reason = c.refusal?.reason ?? (this.#machine.pool === null ? "absent" : "unknown");
    const facts = {
      time: op.at,
      device: op.device,
      cpu: op.cpu,
      size: op.size,
      slots: c.refusal?.slots ?? Math.ceil(op.size / slotBytes),
      reason,
      free: o === null ? 0 : o.slots - o.used,
      longestRun: o?.longestRun() ?? 0,
      used: o?.used ?? 0,
      list,
    };
    if (reason === "too-large") this.tooLarge++;
    if (this.failures.length + this.refusedLists.length >= refusalsMax) {
      this.untold++;
      return;
    }
    const kept = this.failures.length + this.refusedLists.length < picturesMax;
    into.push({ ...facts, words: failureWords(facts), picture: kept && o !== null ? o.picture() : null });
  }

  /** Would this mapping bounce, by the device's mask and the force flag? */
  #decide(op: Operation): void {
    const mask = op.bounced ? op.mask : this.#masks.at(op.device, op.at).mask;
    const forced = this.#machine.pool?.forced ?? false;
    if (Number.isNaN(mask) && !forced) return;
    // What a mask was learnt from agrees with it.
    if (!op.bounced && this.#masks.learntAt(op.device, op.at)) return;
    // What the device reaches is not the buffer's physical address, and no mask is held against it.
    if (!op.bounced && op.placed === null && op.address >= 0 && op.address !== op.orig) return;
    const bounces = forced || mustBounce(op, mask);
    if (bounces === null) return;
    this.#decisions++;
    if (bounces === op.bounced) this.#decisionsEqual++;
  }

  #device(device: number): DeviceTally {
    return (this.#devices[device] ??= {
      maps: 0,
      direct: 0,
      bounced: 0,
      translated: 0,
      failed: 0,
      bytes: 0,
      bouncedBytes: 0,
      slotsPeak: 0,
      live: 0,
      why: new Map(),
    });
  }

  /** Close the pictures at the recording's end. */
  finish(to: number) {
    for (const run of this.occupancy?.living() ?? [])
      this.#slotMap!.held(run.slot, run.count, run.device, run.begin, to);
    return { timeline: this.#timeline?.finish(to) ?? null, slotMap: this.#slotMap?.finish() ?? null };
  }

  exact(corrections: number, reordered: number): Exact {
    return {
      compared: this.#compared,
      equal: this.#equal,
      corrections,
      reordered,
      decisions: { compared: this.#decisions, equal: this.#decisionsEqual },
      refusals: { compared: this.#refusals, equal: this.#refusalsEqual },
      mismatches: this.#mismatches,
      note: this.#note(corrections, reordered),
    };
  }

  /** For a pool that was not the recorded one. */
  notCompared(): Exact {
    const none = { compared: 0, equal: 0 };
    const note = "these are the recorded requests on another pool, and no kernel gave answers to compare with";
    return { ...none, corrections: 0, reordered: 0, decisions: none, refusals: none, mismatches: [], note };
  }

  #note(corrections: number, reordered: number): string | null {
    const notes: string[] = [];
    if (this.#outside > 0) notes.push(`${this.#outside} bounces lie ${this.#outsideWhat} and are not compared`);
    if (this.#early > 0) {
      const they = this.#early === 1 ? "1 bounce is" : `${this.#early} bounces are`;
      notes.push(`${they} not compared: the events of some CPU begin after them, the ring was overwritten`);
    }
    if (this.#learntFrom > 0) {
      const they = this.#learntFrom === 1 ? "1 bounce is" : `${this.#learntFrom} bounces are`;
      notes.push(`${they} not compared: where searches began was learnt from it`);
    }
    if (reordered > 0) {
      const they =
        reordered === 1 ? "1 operation of racing CPUs stands" : `${reordered} operations of racing CPUs stand`;
      notes.push(`${they} in an order found from the addresses, within their times`);
    }
    if (corrections > 0)
      notes.push(`the model was set to the kernel's state ${corrections} ${corrections === 1 ? "time" : "times"}`);
    return notes.length === 0 ? null : notes.join("; ");
  }

  devices(names: readonly string[]): DeviceOutcome[] {
    return names.map((name, i) => {
      const d = this.#device(i);
      const a = this.#machine.devices[i]!;
      const mask = this.#masks.smallest(i);
      return {
        name,
        driver: a.driver,
        maskBits: Number.isNaN(mask) ? null : Math.round(Math.log2(mask + 1)),
        minAlignMask: a.minAlignMask,
        alignmentFrom: a.from,
        boundary: a.boundary,
        maps: d.maps,
        direct: d.direct,
        bounced: d.bounced,
        translated: d.translated,
        failed: d.failed,
        bytes: d.bytes,
        bouncedBytes: d.bouncedBytes,
        slotsPeak: d.slotsPeak,
        slotsNow: this.occupancy?.heldBy(i) ?? 0,
        live: d.live,
        why: [...d.why].map(([words, count]) => ({ words, count })),
      };
    });
  }
}

/** By mask and, under Xen, by the frames of the page map; null when a frame is not known. */
function mustBounce(op: Operation, mask: number): boolean | null {
  const { placed } = op;
  if (placed === null) return op.orig + op.size - 1 > mask;
  if (placed.straddles === true) return true;
  if (placed.predicted + op.size - 1 > mask) return true;
  // A small buffer bounces where its device is not coherent, which no event says.
  if (placed.small) return null;
  return Number.isNaN(placed.predicted) || placed.straddles === null ? null : false;
}
