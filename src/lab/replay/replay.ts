/**
 * The replay of one recording: operations out of its events, their true order, what each did to the pool, and what
 * other pools would have made of them.
 */
import type { EventBatch, SourceFormat } from "../../read/event.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import { Pool } from "../../sw/swiotlb/index.js";
import { advise } from "./advice.js";
import { Elsewhere } from "./elsewhere.js";
import { Joiner, type Landing, type OperationSink } from "./joiner.js";
import { alignmentsOf, type Machine } from "./machine.js";
import type { Operation } from "./operation.js";
import { Ordering } from "./ordering.js";
import type { ReplayOutcome } from "./outcome.js";
import { type Places, StraightPlaces } from "./places.js";
import type { Carried, CarriedSink } from "./pool_model.js";
import type { Alignments } from "./refusal.js";
import { RequestStream } from "./request_stream.js";
import type { Survey } from "./survey.js";
import { Tally } from "./tally.js";
import { type Setting, WhatIfPools } from "./what_if.js";
import { applyBegin, type PoolBegin } from "./xen/begin.js";
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
  /** Other pools to try the requests on. */
  readonly settings: readonly Setting[];
  /** Report what this pool would have done instead of what the recorded one did. */
  readonly instead: Setting | null;
  /** Also told of every operation, in the order found. */
  readonly watcher?: CarriedSink;
  /** The page map of a Xen domain, beside the events. */
  readonly xen?: XenReplay | null;
  /** Tells a bounce by its bus address there. */
  readonly landed?: Landing | null;
}

export interface SourceFacts {
  readonly name: string;
  readonly format: SourceFormat;
  readonly lost: number;
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
    const maskOf = (d: number) => survey.devices[d]?.mask ?? Number.NaN;
    const alignments = alignmentsOf(machine.devices);
    this.#reported = o.instead === null ? machine : replaced(machine, o.instead);
    this.#tally = new Tally({
      machine: this.#reported,
      maskOf,
      from: survey.from,
      to: survey.to,
      outcomesShown: survey.showsOutcomes,
      completeFrom: o.completeFrom,
      places,
      ...(pool?.begin === undefined ? {} : { learnt: pool.begin.learnt }),
    });
    this.#whatIf = new WhatIfPools({
      settings: o.settings,
      base: pool?.base ?? assumedBase,
      profile: this.#reported.pool?.profile ?? machine.profile,
      alignments,
      maskOf,
    });
    this.#requests = new RequestStream(this.#whatIf);
    const sinks: CarriedSink[] = [this.#requests, this.#front(alignments, maskOf)];
    if (o.watcher !== undefined) sinks.push(o.watcher);
    if (this.#xen !== null) sinks.push(this.#xen);
    const sink = fanOut(sinks);
    if (pool === null || !survey.showsOutcomes) {
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
      showsOutcomes: survey.showsOutcomes,
      machineAddresses: o.machineAddresses,
      landed: o.landed ?? null,
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
    const pool =
      machine.pool === null || o === null
        ? null
        : {
            slots: machine.pool.slots,
            areas: machine.pool.areas,
            base: machine.pool.base,
            used: o.used,
            hiwater: o.hiwater,
            // A pool that was never used was at its highest from the beginning on.
            hiwaterTime: Number.isNaN(o.hiwaterTime) ? survey.from : o.hiwaterTime,
            failures: tally.failures,
            refusedLists: tally.refusedLists,
          };
    return {
      source: {
        ...source,
        warnings: [...source.warnings, ...untold(tally.untold)],
        kernel: machine.kernel,
        events: survey.events,
        cpus: machine.cpus,
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
      maps: tally.maps,
      pool,
      exact:
        this.#o.instead === null
          ? tally.exact(this.#ordering?.corrections ?? 0, this.#ordering?.reordered ?? 0)
          : tally.notCompared(),
      xen: this.#xen?.finish(this.#end(pool)) ?? null,
      devices: tally.devices(this.#o.deviceNames),
      ...pictures,
      whatIf,
      advice: advise({
        pool,
        refused: {
          all: (pool?.failures.length ?? 0) + (pool?.refusedLists.length ?? 0) + tally.untold,
          never: tally.tooLarge,
        },
        whatIf,
        assumed: this.#requests.assumed,
        showsOutcomes: survey.showsOutcomes,
        late: machine.pool?.late ?? false,
        lost: source.lost,
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
      listRefusals: this.#tally.refusedLists.length,
      comparable: this.#o.instead === null && model !== null,
    };
  }

  /** What stands before the tally: nothing, or the pool that is tried instead. */
  #front(alignments: Alignments, maskOf: (device: number) => number): CarriedSink {
    const { instead } = this.#o;
    const to = this.#reported.pool;
    if (instead === null || to === null) return this.#tally;
    const pool = new Pool({ start: to.base, slots: to.slots, areas: to.areas, profile: to.profile });
    return new RequestStream(new Elsewhere({ pool, forced: instead.forced, alignments, maskOf, sink: this.#tally }));
  }
}

function untold(count: number): { where: string; what: string }[] {
  return count === 0 ? [] : [{ where: "", what: `${count} more refusals are counted and not told one by one` }];
}

function replaced(machine: Machine, s: Setting): Machine {
  const base = machine.pool?.base ?? assumedBase;
  const evidence = [...machine.evidence, "the pool reported here is the one that was asked for, not the recorded one"];
  return { ...machine, evidence, pool: { base, ...s, profile: machine.pool?.profile ?? machine.profile, late: false } };
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
