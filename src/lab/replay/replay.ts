/**
 * The replay of one recording: operations out of its events, their true order, what each did to the pool, and what
 * other pools would have made of them.
 */
import type { EventBatch, SourceFormat } from "../../read/event.js";
import type { PoolCounters } from "../../read/pool_counters.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import { Pool } from "../../sw/swiotlb/index.js";
import { advise } from "./advice.js";
import { Elsewhere } from "./elsewhere.js";
import { Joiner, type Landing, type OperationSink } from "./joiner.js";
import { isSizeOf } from "./log_refusals.js";
import { alignmentsOf, isArm64, type LogFacts, type Machine } from "./machine.js";
import type { Moved } from "./moved.js";
import type { Operation } from "./operation.js";
import { Ordering } from "./ordering.js";
import type { ReplayOutcome } from "./outcome.js";
import { type Places, StraightPlaces } from "./places.js";
import type { Carried, CarriedSink } from "./pool_model.js";
import type { Alignments } from "./refusal.js";
import { RequestStream } from "./request_stream.js";
import { RequestTally } from "./request_tally.js";
import type { Survey } from "./survey.js";
import { Tally } from "./tally.js";
import { type Instead, type Setting, WhatIfPools } from "./what_if.js";
import { applyBegin } from "./xen/begin.js";
import type { PoolBegin } from "./xen/pool_begin.js";
import type { ReplayEnd, XenReplay } from "./xen/xen_replay.js";

export interface ReplayOptions {
  readonly survey: Survey;
  readonly machine: Machine;
  /** Time from which the recording has the events of every CPU, microseconds. */
  readonly completeFrom: number;
  /** Whether bus addresses are a hypervisor's, as in a paravirtualised Xen domain. */
  readonly machineAddresses: boolean;
  readonly deviceNames: readonly string[];
  readonly idle: (task: number) => boolean;
  /** Whether the clock counts something else than time. */
  readonly ticks: () => boolean;
  /** The machine's kernel log; null without one. */
  readonly log: LogFacts | null;
  /** The kernel's own counters of its pool, read after the recording. */
  readonly counters: PoolCounters | null;
  /** Other pools to try the requests on, and whether these were asked for. */
  readonly settings: readonly Setting[];
  readonly sizesAsked: boolean;
  /** Report what this pool would have done instead of what the recorded one did. */
  readonly instead: Instead | null;
  /** Also told of every operation, in the order found. */
  readonly watcher?: CarriedSink;
  /** The page map of a Xen domain, beside the events. */
  readonly xen?: XenReplay | null;
  /** Tells a bounce by its bus address there. */
  readonly landed?: Landing | null;
  /** How far the recording's clock is ahead of the log's, microseconds. */
  readonly logAhead: number;
  /** What buffers are whose bus address is not their physical one. */
  readonly moved: Moved;
}

export interface SourceFacts {
  readonly name: string;
  readonly format: SourceFormat;
  readonly lost: number;
  readonly excerpt: boolean;
  readonly warnings: readonly { readonly where: string; readonly what: string }[];
}

/** Where a pool is taken to lie when neither log nor addresses say it. */
const assumedBase = 0x70000000;

export class Replay {
  readonly #o: ReplayOptions;
  readonly #joiner: Joiner;
  readonly #ordering: Ordering | null;
  readonly #straight: Straight | null;
  readonly #tally: Tally;
  readonly #requestTally: RequestTally | null;
  readonly #whatIf: WhatIfPools;
  readonly #requests: RequestStream;
  readonly #reported: Machine;
  readonly #xen: XenReplay | null;
  /** Areas' indexes are read from it at the end. */
  #pool: Pool | null = null;
  #hiwaterBefore = 0;

  constructor(o: ReplayOptions) {
    this.#o = o;
    const { survey, machine } = o;
    const pool = machine.pool;
    this.#xen = o.xen ?? null;
    const places: Places | null =
      pool === null ? null : (pool.places ?? new StraightPlaces(pool.base, pool.slots * slotBytes));
    const { masks } = survey;
    const alignments = alignmentsOf(machine.devices);
    this.#reported = o.instead === null ? machine : replaced(machine, o.instead);
    this.#tally = new Tally({
      machine: this.#reported,
      masks,
      from: survey.from,
      to: survey.to,
      completeFrom: o.completeFrom,
      places,
      endsMissing: survey.endsMissing,
      movedUnknown: o.moved === "unknown",
      mapsSeen: (device) => (survey.devices[device]?.maps ?? 0) > 0,
      saysRefused: refusalsSaid(o.log, o.deviceNames),
      ...(pool?.begin === undefined ? {} : { learnt: pool.begin.learnt }),
    });
    this.#whatIf = new WhatIfPools({
      settings: o.settings,
      base: pool?.base ?? assumedBase,
      profile: this.#reported.pool?.profile ?? machine.profile,
      alignments,
      masks,
    });
    this.#requests = new RequestStream(this.#whatIf);
    const { machine: of, log = null, deviceNames: names } = o;
    this.#requestTally =
      survey.shows === "requests" ? new RequestTally({ machine: of, log, names, logAhead: o.logAhead }) : null;
    const sinks: CarriedSink[] = [this.#requests, this.#requestTally ?? this.#front(alignments)];
    if (o.watcher !== undefined) sinks.push(o.watcher);
    if (this.#xen !== null) sinks.push(this.#xen);
    const sink = fanOut(sinks);
    if (pool === null || survey.shows === "requests") {
      this.#ordering = null;
      this.#straight = new Straight(sink);
    } else {
      const model = new Pool({ start: pool.base, slots: pool.slots, areas: pool.areas, profile: pool.profile });
      this.#ordering = new Ordering({ pool: model, alignments, places: places!, sink, unseen: pool.late });
      this.#pool = model;
      this.#straight = null;
    }
    this.#joiner = new Joiner({
      sink: this.#ordering ?? this.#straight!,
      idle: o.idle,
      ticks: o.ticks,
      lastEvents: survey.lastEvents,
      showsOutcomes: survey.shows !== "requests",
      machineAddresses: o.machineAddresses,
      landed: o.landed ?? null,
      bounds: log?.pool ?? null,
      pages: this.#xen,
      tellsOrphans: pool?.late ?? false,
      onOrphan: () => {},
    });
    if (pool?.begin !== undefined && this.#pool !== null) this.#begin(pool.begin, this.#pool, places!);
  }

  /** What was mapped before the recording stands on the pool, and can be unmapped. */
  #begin(begin: PoolBegin, pool: Pool, places: Places): void {
    this.#hiwaterBefore = begin.hiwater ?? 0;
    for (const { op, offset } of applyBegin(pool, begin)) {
      op.address = places.addressOf(offset);
      if (!(op.address >= 0)) continue;
      this.#ordering!.hold(op, offset);
      this.#joiner.hold(op);
      if (this.#o.instead === null) this.#tally.held(op, offset, this.#o.survey.from);
    }
  }

  feed(batch: EventBatch): void {
    this.#joiner.feed(batch);
  }

  finish(source: SourceFacts): ReplayOutcome {
    this.#joiner.finish();
    this.#ordering?.finish(this.#joiner.now);
    this.#straight?.advance();
    const { survey } = this.#o;
    const machine = this.#reported;
    const tally = this.#tally;
    const pictures = tally.finish(survey.to);
    const whatIf = this.#whatIf.finish();
    const o = tally.occupancy;
    const shows = this.#requestTally === null ? survey.shows : "requests";
    // On a CPU whose events stop, ends are missing from there on.
    const endsMissing = survey.endsMissing || survey.stopped !== null;
    const showsUse = shows === "mappings" && !endsMissing;
    const maps = this.#requestTally?.maps ?? tally.maps;
    const pool =
      machine.pool === null || o === null || shows !== "mappings"
        ? null
        : {
            slots: machine.pool.slots,
            areas: machine.pool.areas,
            base: machine.pool.base,
            used: o.used,
            hiwater: o.hiwater,
            // A pool that was never used was at its highest from the beginning on.
            hiwaterTime: Number.isNaN(o.hiwaterTime) ? survey.from : o.hiwaterTime,
            atLeast:
              (machine.pool.late && machine.pool.begin === undefined) ||
              (this.#o.instead === null && (source.excerpt || maps.unknown > 0)),
            ...(endsMissing ? { endsRecorded: false } : {}),
            counters: this.#o.instead === null ? this.#o.counters : null,
            failures: tally.failures,
            refusedLists: tally.refusedLists,
            refusedTries: tally.tries.finish(),
          };
    return {
      source: {
        ...source,
        warnings: [...source.warnings, ...untold(tally.untold)],
        kernel: machine.kernel,
        events: survey.events,
        cpus: machine.cpus,
        excerpt: source.excerpt,
        from: survey.from,
        to: survey.to,
      },
      machine: {
        kernel: machine.kernel,
        cpus: machine.cpus,
        swiotlb: machine.pool === null ? null : { ...machine.pool, profile: machine.pool.profile.id },
        inferred: machine.inferred,
        evidence: machine.evidence,
      },
      maps,
      unknownBecause: this.#requestTally === null ? tally.unknownBecause : [],
      shows,
      replayedOn: this.#o.instead === null ? "recorded" : "other",
      requests: this.#requestTally?.finish() ?? null,
      pool,
      exact:
        this.#o.instead === null
          ? tally.exact(this.#ordering?.corrections ?? 0, this.#ordering?.reordered ?? 0)
          : tally.notCompared(),
      xen: this.#xen?.finish(this.#end(pool)) ?? null,
      devices: tally.devices(this.#o.deviceNames),
      ...(showsUse ? pictures : { timeline: null, slotMap: null }),
      whatIf: showsUse ? whatIf : [],
      advice: advise({
        shows,
        kernel: machine.kernel,
        arm64: isArm64(this.#o.log, machine.kernel),
        cpus: machine.cpus,
        setting: this.#o.log?.swiotlb ?? null,
        machine: machine.pool,
        pool,
        maps,
        span: survey.to - survey.from,
        refused: {
          mappings: tally.maps.failed,
          lists: tally.tries.tries,
          requests: this.#requests.assumed,
          never: tally.tooLarge,
        },
        whatIf,
        sizesAsked: this.#o.sizesAsked,
        lost: source.lost,
        excerpt: source.excerpt,
      }),
    };
  }

  /** The replay's end, for the dumps of after it. */
  #end(pool: ReplayOutcome["pool"]): ReplayEnd {
    const model = this.#pool;
    return {
      used: pool?.used ?? 0,
      hiwater: Math.max(this.#hiwaterBefore, pool?.hiwater ?? 0),
      indexes: model === null ? [] : Array.from({ length: model.areas }, (_, a) => model.areaIndex(a)),
      living: this.#joiner.living(),
      recordedRefusals: this.#tally.maps.failed,
      listRefusals: this.#tally.tries.tries,
      comparable: this.#o.instead === null && model !== null,
    };
  }

  /** What stands before the tally: nothing, or the pool that is tried instead. */
  #front(alignments: Alignments): CarriedSink {
    const { instead } = this.#o;
    if (instead === null) return this.#tally;
    const to = this.#reported.pool;
    const pool =
      to === null ? null : new Pool({ start: to.base, slots: to.slots, areas: to.areas, profile: to.profile });
    const { masks } = this.#o.survey;
    return new RequestStream(new Elsewhere({ pool, forced: instead.forced, alignments, masks, sink: this.#tally }));
  }
}

/** Sizes of which the log says that a device was refused them. */
function refusalsSaid(log: LogFacts | null, names: readonly string[]): (device: number, size: number) => boolean {
  const refusals = log?.refusals ?? [];
  const known = new Map<string, boolean>();
  return (device, size) => {
    const key = `${device} ${size}`;
    const said = known.get(key) ?? refusals.some((r) => r.device === (names[device] ?? "") && isSizeOf(r.size, size));
    known.set(key, said);
    return said;
  };
}

function untold(count: number): { where: string; what: string }[] {
  return count === 0 ? [] : [{ where: "", what: `${count} more refusals are counted and not told one by one` }];
}

function replaced(machine: Machine, { profile = machine.pool?.profile ?? machine.profile, ...s }: Instead): Machine {
  const base = machine.pool?.base ?? assumedBase;
  const none = s.slots === 0;
  const asked = none ? "no pool, as was asked for" : "the pool that was asked for";
  const evidence = [`${asked}; what follows here is of the recorded one`, ...machine.evidence];
  return { ...machine, evidence, pool: none ? null : { base, ...s, profile, late: false } };
}

function fanOut(sinks: readonly CarriedSink[]): CarriedSink {
  return {
    carried(c: Carried) {
      for (const s of sinks) s.carried(c);
    },
    released(op: Operation) {
      for (const s of sinks) s.released(op);
    },
  };
}

/** Without a pool to be in step with, operations go on in the recording's own order, as soon as they are known. */
class Straight implements OperationSink {
  readonly #sink: CarriedSink;
  #waiting: Operation[] = [];

  constructor(sink: CarriedSink) {
    this.#sink = sink;
  }

  push(op: Operation): void {
    this.#waiting.push(op);
  }

  advance(): void {
    let k = 0;
    for (; k < this.#waiting.length; k++) {
      const op = this.#waiting[k]!;
      if (Number.isNaN(op.address)) break;
      this.#sink.carried({ op, model: Number.NaN, kernel: Number.NaN, agrees: true, refusal: null });
    }
    this.#waiting = this.#waiting.slice(k);
  }
}
