/** What joining singles and joining lists share: what waits for its outcome or its end, and what is told of both. */
import { type EventBatch, failedAddress } from "../../../read/event.js";
import type { Mappings } from "../contracts/mappings.js";
import { beginOf, Outcome } from "../contracts/operation.js";
import type { BounceByAddress, OperationSink, PageWatch } from "../contracts/sinks.js";
import { BouncesInBounds, type PoolBounds } from "./bounces_in_bounds.js";
import { EarlyEnds, type Ended, type Orphan } from "./early_ends.js";
import { LiveMappings } from "./live_mappings.js";
import { PendingSearches } from "./pending_searches.js";
import { ReleaseTimes } from "./release_times.js";
import { isSameAddress, SameBuffer } from "./same_buffer.js";

export interface JoinOptions {
  /** Mappings are added here. */
  readonly maps: Mappings;
  readonly sink: OperationSink;
  /** Whether a task's number is that of an idle task, which every CPU has. */
  readonly idle: (task: number) => boolean;
  /** Whether the clock counts something else than time. */
  readonly ticks?: () => boolean;
  /** Number of each CPU's last event, from an earlier reading. */
  readonly lastEvents?: readonly number[] | null;
  /** False when the recording has no dma:* events: no search is then waited for. */
  readonly showsOutcomes: boolean;
  /** Whether bus addresses are a hypervisor's, as in a paravirtualised Xen domain. */
  readonly machineAddresses: boolean;
  /** Tells a bounce by its bus address, where that can be told. */
  readonly bounceByAddress?: BounceByAddress | null;
  /** The pool's bounds where the log says them. */
  readonly bounds?: PoolBounds | null;
  /** Told of every event before it is looked at, and asked where each mapping's buffer lies. */
  readonly pages?: PageWatch | null;
  /** Whether the sink is told of unmappings whose mapping is not in the recording, too. */
  readonly tellsOrphans?: boolean;
  /** Told of each unmapping whose mapping is not in the recording. */
  readonly onOrphan: (o: Orphan) => void;
}

export class Joining {
  readonly maps: Mappings;
  readonly sink: OperationSink;
  readonly pending: PendingSearches;
  readonly live: LiveMappings;
  readonly releases: ReleaseTimes;
  readonly early: EarlyEnds;
  readonly buffers: SameBuffer;
  readonly showsOutcomes: boolean;
  readonly tellsOrphans: boolean;
  readonly bounceByAddress: BounceByAddress | null;
  readonly #inBounds: BouncesInBounds;
  readonly #pages: PageWatch | null;
  /** Entries of the list that is looked at. */
  entries = new Int32Array(256);
  /** Number of the event that is looked at, and the latest time so far. */
  event = 0;
  now = 0;

  constructor(o: JoinOptions) {
    const { maps } = o;
    this.maps = maps;
    this.sink = o.sink;
    this.pending = new PendingSearches({
      maps,
      idle: o.idle,
      ticks: o.ticks ?? (() => false),
      lastEvents: o.lastEvents ?? null,
    });
    this.live = new LiveMappings(maps);
    this.releases = new ReleaseTimes(maps);
    this.early = new EarlyEnds(o.onOrphan);
    this.#inBounds = new BouncesInBounds(o.bounds ?? null);
    this.buffers = new SameBuffer(maps, o.machineAddresses, this.#inBounds);
    this.showsOutcomes = o.showsOutcomes;
    this.tellsOrphans = o.tellsOrphans ?? false;
    this.bounceByAddress = o.bounceByAddress ?? null;
    this.#pages = o.pages ?? null;
  }

  /** A mapping that begins with event i; where its buffer is and whether it bounces is for the caller to fill in. */
  begun(b: EventBatch, i: number, orig: number, size: number): number {
    const { maps } = this;
    const m = maps.add(),
      op = beginOf(m),
      time = b.time[i]!,
      cpu = b.cpu[i]!;
    maps.time[m] = time;
    maps.cpu[m] = cpu;
    maps.cpuAfter[m] = cpu;
    maps.device[m] = b.device[i]!;
    maps.task[m] = b.task[i]!;
    maps.context[m] = b.context[i]!;
    maps.orig[m] = orig;
    maps.size[m] = size;
    maps.lo[op] = time;
    maps.at[op] = time;
    maps.loEvent[op] = this.event;
    maps.on[op] = cpu;
    return m;
  }

  /** A mapping before which no event asked for a bounce; the caller gives it to the sink. */
  unasked(b: EventBatch, i: number, orig: number, size: number, address: number): number {
    const m = this.begun(b, i, orig, size);
    if (this.bounceByAddress !== null && address >= 0 && this.bounceByAddress(orig, address) === true)
      this.maps.bounced[m] = 1;
    return m;
  }

  /** Whether a mapping's address shows that it did not bounce. */
  isDirect(phys: number, address: number): boolean {
    return this.bounceByAddress !== null && address >= 0 && this.bounceByAddress(phys, address) === false;
  }

  /** What event i tells of a mapping's outcome, of a single one or of an entry of a list. */
  resolve(m: number, b: EventBatch, i: number, outcome: Outcome, address: number): void {
    const { maps } = this;
    maps.direction[m] = b.direction[i]!;
    maps.attrs[m] = b.attrs[i]!;
    maps.cpuAfter[m] = b.cpu[i]!;
    maps.address[m] = address;
    maps.resolve(m, outcome, b.time[i]!, this.event);
  }

  /** The bus address of the buffer itself, as swiotlb_bounced printed it; NaN for a mapping without such an event. */
  printed(m: number): number {
    return Number.isNaN(this.maps.mask[m]!) ? Number.NaN : this.maps.orig[m]!;
  }

  /** Where the buffer of a mapping lies, its outcome known. @param original as `printed` told it */
  locate(m: number, original: number): void {
    const { maps } = this;
    if (this.#pages !== null) {
      if (!Number.isNaN(maps.orig[m]!)) maps.onBus[m] = this.#pages.locate(m, original);
    } else if (!Number.isNaN(original) && !Number.isNaN(maps.orig[m]!)) {
      this.#inBounds.add(maps.address[m]!);
      if (!isSameAddress(original, maps.orig[m]!))
        maps.onBus[m] = { predicted: original, seen: original, straddles: null, foreign: null, small: false };
    }
  }

  /** The end of a mapping, from event i on that was written on its CPU; its bounds are for the caller to fill in. */
  ended(m: number, cpu: number, at: number): number {
    const { maps } = this;
    const op = maps.end(m);
    maps.at[op] = at;
    maps.on[op] = cpu;
    return op;
  }

  /** The sink is told of an end, and the joiner knows the mapping no longer. */
  letGo(m: number, end: number): void {
    this.sink.push(end);
    this.maps.drop(m);
  }

  /** The end of a mapping was read before it. */
  endEarly(m: number, { cpu }: Ended): void {
    const { lo, hi, loEvent, hiEvent } = this.maps;
    const begin = beginOf(m);
    const op = this.ended(m, cpu, this.now);
    lo[op] = hi[begin]!;
    hi[op] = Math.max(lo[op]!, this.now);
    loEvent[op] = hiEvent[begin]!;
    hiEvent[op] = this.event;
    this.letGo(m, op);
  }
}

/** Who wrote event i, and when. */
export const endedBy = (b: EventBatch, i: number): Ended => ({
  device: b.device[i]!,
  time: b.time[i]!,
  cpu: b.cpu[i]!,
});

/** What an event says by a mapping's address. */
export const outcomeOf = (address: number): Outcome =>
  address >= 0 ? Outcome.granted : address === failedAddress ? Outcome.refused : Outcome.unknown;
