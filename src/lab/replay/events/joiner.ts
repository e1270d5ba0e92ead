/**
 * From events to operations: which outcome belongs to which search, which unmapping to which mapping.
 *
 * A bounced mapping is two events: swiotlb_bounced before the slots are searched, dma_map_phys or dma_map_sg once the
 * address is known. A list that is refused has only the first. The release of a single mapping happens before its
 * unmap event is written, that of a list after.
 *
 * Source: Linux kernel/dma/mapping.c (where the events are written), kernel/dma/swiotlb.c, include/trace/events/dma.h.
 */
import { type EventBatch, EventKind } from "../../../read/event.js";
import { clocksApartMax } from "./early_ends.js";
import { Joining, type JoinOptions } from "./joining.js";
import { mapList, unmapList } from "./lists.js";
import type { Wait } from "./pending_searches.js";
import { laneOf } from "./release_times.js";
import { bounced, map, unmap } from "./singles.js";

/** A swiotlb_bounced whose outcome has not come after this long has none: its list was refused. */
const outcomeWaitMax: Wait = { time: 1_000_000, events: 20_000 };
/** The same where the recording ends: nothing that comes later could show it. */
const outcomeWaitAtEnd: Wait = { time: 10_000, events: 500 };

/** Events between two calls of `advance`, and between two looks for searches without an outcome. */
const stride = 512;

export class Joiner {
  readonly #joining: Joining;
  readonly #pages: JoinOptions["pages"];
  /** Number of each CPU's last event so far. */
  readonly lastEvents: number[] = [];

  constructor(o: JoinOptions) {
    this.#joining = new Joining(o);
    this.#pages = o.pages;
  }

  /** The latest time so far, microseconds. */
  get now(): number {
    return this.#joining.now;
  }

  /** A mapping of before the recording is known; its bus address is set. The sink is not told of it. */
  hold(m: number): void {
    this.#joining.live.hold(m);
  }

  feed(b: EventBatch): void {
    const j = this.#joining;
    for (let i = 0; i < b.count; i++) {
      const time = b.time[i]!;
      if (time > j.now) j.now = time;
      this.#pages?.see(b, i);
      const lane = laneOf(b.cpu[i]!, b.context[i]!);
      j.releases.beforeEvent(lane, time, j.event);
      this.#join(b, i, lane);
      this.lastEvents[b.cpu[i]!] = j.event;
      j.releases.afterEvent(lane, time, j.event++);
      if (j.event % stride === 0) this.#look();
    }
  }

  #join(b: EventBatch, i: number, lane: number): void {
    const j = this.#joining;
    switch (b.kind[i]) {
      case EventKind.bounced:
        bounced(j, b, i);
        break;
      case EventKind.map:
        map(j, b, i);
        break;
      case EventKind.mapList:
        mapList(j, b, i);
        break;
      case EventKind.unmap:
        unmap(j, b, i, lane);
        break;
      case EventKind.unmapList:
        unmapList(j, b, i, lane);
        break;
      case EventKind.xenMapped:
        j.pending.answered(b, i);
        break;
      case EventKind.lost:
        j.pending.lost(j.event);
        break;
    }
  }

  /** What has waited for too long waits no longer. */
  #look(): void {
    const j = this.#joining;
    j.pending.sweep(j.now, outcomeWaitMax, j.event);
    j.early.forget(j.now - clocksApartMax);
    j.sink.advance?.(j.now);
  }

  /** The recording has ended: what is still open stays unknown. */
  finish(): void {
    const j = this.#joining;
    j.pending.sweep(j.now, outcomeWaitAtEnd, j.event);
    j.pending.finish(j.now, j.event);
    j.early.finish();
    j.releases.finish(j.now);
  }

  /** Mappings alive now. */
  living(): Iterable<number> {
    return this.#joining.live;
  }
}
