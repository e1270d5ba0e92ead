/** What joining singles and joining lists share: what waits for its outcome or its end, and what is told of both. */
import type { EventBatch } from "../../../read/event.js";
import { mapping, type Operation, unmapping } from "../contracts/operation.js";
import type { BounceByAddress, OperationSink, PageWatch } from "../contracts/sinks.js";
import { BouncesInBounds, type PoolBounds } from "./bounces_in_bounds.js";
import { EarlyEnds, type Ended, type Orphan } from "./early_ends.js";
import { LiveMappings } from "./live_mappings.js";
import { OperationIds } from "./operation_ids.js";
import { PendingSearches } from "./pending_searches.js";
import { ReleaseTimes } from "./release_times.js";
import { isSameAddress, SameBuffer } from "./same_buffer.js";

export interface JoinOptions {
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
  readonly sink: OperationSink;
  readonly pending: PendingSearches;
  readonly live = new LiveMappings();
  readonly ids = new OperationIds();
  readonly releases = new ReleaseTimes();
  readonly early: EarlyEnds;
  readonly buffers: SameBuffer;
  readonly showsOutcomes: boolean;
  readonly tellsOrphans: boolean;
  readonly bounceByAddress: BounceByAddress | null;
  readonly #inBounds: BouncesInBounds;
  readonly #pages: PageWatch | null;
  /** Number of the event that is looked at, and the latest time so far. */
  event = 0;
  now = 0;

  constructor(o: JoinOptions) {
    this.sink = o.sink;
    this.pending = new PendingSearches({
      idle: o.idle,
      ticks: o.ticks ?? (() => false),
      lastEvents: o.lastEvents ?? null,
    });
    this.early = new EarlyEnds(o.onOrphan);
    this.#inBounds = new BouncesInBounds(o.bounds ?? null);
    this.buffers = new SameBuffer(o.machineAddresses, this.#inBounds);
    this.showsOutcomes = o.showsOutcomes;
    this.tellsOrphans = o.tellsOrphans ?? false;
    this.bounceByAddress = o.bounceByAddress ?? null;
    this.#pages = o.pages ?? null;
  }

  /** A mapping before which no event asked for a bounce; the caller gives it to the sink. */
  unasked(b: EventBatch, i: number, orig: number, size: number, address: number): Operation {
    return mapping({
      time: b.time[i]!,
      event: this.event,
      cpu: b.cpu[i]!,
      device: b.device[i]!,
      task: b.task[i]!,
      context: b.context[i]!,
      orig,
      size,
      mask: Number.NaN,
      forced: false,
      bounced: this.bounceByAddress !== null && address >= 0 && this.bounceByAddress(orig, address) === true,
    });
  }

  /** Whether a mapping's address shows that it did not bounce. */
  isDirect(phys: number, address: number): boolean {
    return this.bounceByAddress !== null && address >= 0 && this.bounceByAddress(phys, address) === false;
  }

  /** Where the buffer of a mapping lies, its outcome known. @param original as `printedBy` tells it */
  locate(op: Operation, original: number): void {
    if (Number.isNaN(op.orig)) return;
    if (this.#pages !== null) op.onBus = this.#pages.locate(op, original);
    else if (!Number.isNaN(original)) {
      this.#inBounds.add(op.address);
      if (!isSameAddress(original, op.orig))
        op.onBus = { predicted: original, seen: original, straddles: null, foreign: null, small: false };
    }
  }

  /** The end of a mapping was read before it. */
  endEarly(op: Operation, { cpu, task, context }: Ended): void {
    const [lo, loEvent] = [op.hi, op.hiEvent];
    const when = { lo, hi: Math.max(lo, this.now), loEvent, hiEvent: this.event, at: this.now };
    this.sink.push(unmapping(op, { cpu, task, context, ...when }));
    this.ids.give(op.id);
  }
}

/** Who wrote event i, and when. */
export const endedBy = (b: EventBatch, i: number): Ended => ({
  device: b.device[i]!,
  time: b.time[i]!,
  cpu: b.cpu[i]!,
  task: b.task[i]!,
  context: b.context[i]!,
});

/** The bus address of the buffer itself, as swiotlb_bounced printed it; NaN for a mapping without such an event. */
export function printedBy(op: Operation): number {
  return op.bounced && !Number.isNaN(op.mask) ? op.orig : Number.NaN;
}
