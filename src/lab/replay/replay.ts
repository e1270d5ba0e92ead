/**
 * The replay of one recording: operations out of its events, their true order, what each did to the pool, and what
 * other pools would have made of them.
 */
import type { EventBatch, SourceFormat } from "../../read/event.js";
import type { PoolCounters } from "../../read/pool_counters.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import { Pool } from "../../sw/swiotlb/index.js";
import type { Alignments } from "./contracts/alignments.js";
import type { InitialPool } from "./contracts/initial_pool.js";
import { Mappings } from "./contracts/mappings.js";
import { ContiguousAddresses, type PoolAddresses } from "./contracts/pool_addresses.js";
import type { BounceByAddress, Carried, CarriedSink } from "./contracts/sinks.js";
import { Joiner } from "./events/joiner.js";
import type { FirstReading } from "./machine/first_reading.js";
import { isArm64, type LogFacts } from "./machine/log_facts.js";
import { alignmentsOf, type Machine } from "./machine/machine.js";
import type { Moved } from "./machine/moved.js";
import { Ordering } from "./order/ordering.js";
import { RecordedOrder } from "./order/recorded_order.js";
import { assumedBase, ReplacementPool, withReplacement } from "./other_pools/replacement_pool.js";
import { RequestStream } from "./other_pools/request_stream.js";
import type { Replacement, Setting } from "./other_pools/setting.js";
import { WhatIfPools } from "./other_pools/what_if.js";
import { advise } from "./told/advice.js";
import { notCompared } from "./told/exactness.js";
import { refusalsSaid } from "./told/log_refusals.js";
import { MappingSummary } from "./told/mapping_summary.js";
import type { ReplayOutcome } from "./told/outcome.js";
import { RequestSummary } from "./told/request_summary.js";
import { setUp } from "./xen/initial_pool.js";
import type { ReplayEnd, XenReplay } from "./xen/xen_replay.js";

export interface ReplayOptions {
  /** Mappings are joined in this table, which the watcher and the page map read. */
  readonly maps: Mappings;
  readonly firstReading: FirstReading;
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
  readonly replacement: Replacement | null;
  /** Also told of every operation, in the order found. */
  readonly watcher?: CarriedSink;
  /** The page map of a Xen domain, beside the events. */
  readonly xen?: XenReplay | null;
  /** Tells a bounce by its bus address there. */
  readonly bounceByAddress?: BounceByAddress | null;
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
  readonly absent?: number;
  readonly holes?: string;
  readonly warnings: readonly { readonly where: string; readonly what: string }[];
}

const noPictures = { timeline: null, slotMap: null };

export class Replay {
  readonly #o: ReplayOptions;
  readonly #joiner: Joiner;
  readonly #ordering: Ordering | null;
  readonly #recordedOrder: RecordedOrder | null;
  readonly #summary: MappingSummary;
  readonly #requestSummary: RequestSummary | null;
  readonly #whatIf: WhatIfPools;
  readonly #requests: RequestStream;
  readonly #reported: Machine;
  readonly #xen: XenReplay | null;
  /** Areas' indexes are read from it at the end. */
  #pool: Pool | null = null;
  #hiwaterBefore = 0;

  constructor(o: ReplayOptions) {
    this.#o = o;
    const { maps, firstReading, machine } = o;
    const pool = machine.pool;
    this.#xen = o.xen ?? null;
    const addresses: PoolAddresses | null =
      pool === null ? null : (pool.addresses ?? new ContiguousAddresses(pool.base, pool.slots * slotBytes));
    const { masks } = firstReading;
    const alignments = alignmentsOf(machine.devices);
    this.#reported = o.replacement === null ? machine : withReplacement(machine, o.replacement);
    const reportedMaps = o.replacement === null ? maps : new Mappings();
    this.#summary = new MappingSummary({
      maps: reportedMaps,
      machine: this.#reported,
      masks,
      from: firstReading.from,
      to: firstReading.to,
      completeFrom: o.completeFrom,
      addresses,
      learnt: pool?.initial?.learnt ?? [],
      movedUnknown: o.moved === "unknown",
      evidence: {
        endsMissing: firstReading.endsMissing,
        mapsSeen: (device) => (firstReading.devices[device]?.maps ?? 0) > 0,
        saysRefused: refusalsSaid(o.log?.refusals ?? [], o.deviceNames),
      },
    });
    this.#whatIf = new WhatIfPools({
      maps,
      settings: o.settings,
      base: pool?.base ?? assumedBase,
      profile: this.#reported.pool?.profile ?? machine.profile,
      alignments,
      masks,
    });
    this.#requests = new RequestStream(maps, this.#whatIf);
    const { machine: of, log = null, deviceNames: names } = o;
    this.#requestSummary =
      firstReading.shows === "requests"
        ? new RequestSummary({ maps, machine: of, log, names, logAhead: o.logAhead })
        : null;
    const sinks: CarriedSink[] = [this.#requests, this.#requestSummary ?? this.#front(alignments, reportedMaps)];
    if (o.watcher !== undefined) sinks.push(o.watcher);
    if (this.#xen !== null) sinks.push(this.#xen);
    const sink = fanOut(sinks);
    if (pool === null || firstReading.shows === "requests") {
      this.#ordering = null;
      this.#recordedOrder = new RecordedOrder(maps, sink);
    } else {
      const model = new Pool({ start: pool.base, slots: pool.slots, areas: pool.areas, profile: pool.profile });
      this.#ordering = new Ordering({ maps, pool: model, alignments, addresses: addresses!, sink, unseen: pool.late });
      this.#pool = model;
      this.#recordedOrder = null;
    }
    this.#joiner = new Joiner({
      maps,
      sink: this.#ordering ?? this.#recordedOrder!,
      idle: o.idle,
      ticks: o.ticks,
      lastEvents: firstReading.lastEvents,
      showsOutcomes: firstReading.shows !== "requests",
      machineAddresses: o.machineAddresses,
      bounceByAddress: o.bounceByAddress ?? null,
      bounds: log?.pool ?? null,
      pages: this.#xen,
      tellsOrphans: pool?.late ?? false,
      onOrphan: () => {},
    });
    if (pool?.initial !== undefined && this.#pool !== null) this.#setUp(pool.initial, this.#pool, addresses!);
  }

  /** What was mapped before the recording stands on the pool, and can be unmapped. */
  #setUp(initial: InitialPool, pool: Pool, addresses: PoolAddresses): void {
    this.#hiwaterBefore = initial.hiwater ?? 0;
    const { maps } = this.#o;
    for (const { offset, orig, size } of setUp(pool, initial)) {
      const address = addresses.addressOf(offset);
      if (!(address >= 0)) continue;
      const m = maps.addBefore(orig, size);
      maps.address[m] = address;
      this.#ordering!.hold(m, offset);
      this.#joiner.hold(m);
      if (this.#o.replacement === null) this.#summary.held(m, offset, this.#o.firstReading.from);
    }
  }

  feed(batch: EventBatch): void {
    this.#joiner.feed(batch);
  }

  finish(source: SourceFacts): ReplayOutcome {
    this.#joiner.finish();
    this.#ordering?.finish(this.#joiner.now);
    this.#recordedOrder?.advance();
    const { firstReading } = this.#o;
    const machine = this.#reported;
    const summary = this.#summary;
    const pictures = summary.use?.finish(firstReading.to) ?? noPictures;
    const whatIf = this.#whatIf.finish();
    const o = summary.use?.occupancy ?? null;
    const shows = this.#requestSummary === null ? firstReading.shows : "requests";
    // On a CPU whose events stop, ends are missing from there on.
    const endsMissing = firstReading.endsMissing || firstReading.stopped !== null;
    const showsUse = shows === "mappings" && !endsMissing;
    const maps = this.#requestSummary?.maps ?? summary.maps;
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
            hiwaterTime: Number.isNaN(o.hiwaterTime) ? firstReading.from : o.hiwaterTime,
            atLeast:
              (machine.pool.late && machine.pool.initial === undefined) ||
              (this.#o.replacement === null && (source.excerpt || maps.unknown > 0)),
            ...(endsMissing ? { endsRecorded: false } : {}),
            counters: this.#o.replacement === null ? this.#o.counters : null,
            failures: summary.refusals.mappings,
            refusedLists: summary.refusals.lists,
            refusedTries: summary.tries.finish(),
          };
    return {
      source: {
        ...source,
        warnings: [...source.warnings, ...summary.refusals.warnings],
        kernel: machine.kernel,
        events: firstReading.events,
        cpus: machine.cpus,
        excerpt: source.excerpt,
        from: firstReading.from,
        to: firstReading.to,
      },
      machine: {
        kernel: machine.kernel,
        cpus: machine.cpus,
        swiotlb: machine.pool === null ? null : { ...machine.pool, profile: machine.pool.profile.id },
        inferred: machine.inferred,
        evidence: machine.evidence,
      },
      maps,
      unknownBecause: this.#requestSummary === null ? summary.unknown.because : [],
      shows,
      replayedOn: this.#o.replacement === null ? "recorded" : "other",
      requests: this.#requestSummary?.finish() ?? null,
      pool,
      exact:
        this.#o.replacement === null
          ? summary.exactness.finish(this.#ordering?.corrections ?? 0, this.#ordering?.reordered ?? 0)
          : notCompared(),
      xen: this.#xen?.finish(this.#end(pool)) ?? null,
      devices: summary.devices(this.#o.deviceNames),
      ...(showsUse ? pictures : noPictures),
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
        span: firstReading.to - firstReading.from,
        refused: {
          mappings: summary.maps.failed,
          lists: summary.tries.tries,
          requests: this.#requests.assumed,
          never: summary.refusals.tooLarge,
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
      recordedRefusals: this.#summary.maps.failed,
      listRefusals: this.#summary.tries.tries,
      comparable: this.#o.replacement === null && model !== null,
    };
  }

  /** What stands before the summary: nothing, or the pool that is tried instead. */
  #front(alignments: Alignments, maps: Mappings): CarriedSink {
    const { replacement } = this.#o;
    if (replacement === null) return this.#summary;
    const to = this.#reported.pool;
    const pool =
      to === null ? null : new Pool({ start: to.base, slots: to.slots, areas: to.areas, profile: to.profile });
    const { maps: recorded, firstReading } = this.#o;
    const { masks } = firstReading;
    const { forced } = replacement;
    const on = { recorded, maps, pool, forced, alignments, masks, sink: this.#summary };
    return new RequestStream(recorded, new ReplacementPool(on));
  }
}

function fanOut(sinks: readonly CarriedSink[]): CarriedSink {
  return {
    mapped(m: number, how: Carried) {
      for (const s of sinks) s.mapped(m, how);
    },
    unmapped(m: number, time: number) {
      for (const s of sinks) s.unmapped(m, time);
    },
    released(m: number, time: number) {
      for (const s of sinks) s.released(m, time);
    },
  };
}
