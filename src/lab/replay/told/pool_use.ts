/** Which mappings hold which slots, over time: the pictures of a pool that reports draw. */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Operation } from "../contracts/operation.js";
import { Occupancy } from "./occupancy.js";
import { SlotMapBuilder, TimelineBuilder } from "./timeline.js";

export class PoolUse {
  readonly occupancy: Occupancy;
  readonly #timeline: TimelineBuilder;
  readonly #slotMap: SlotMapBuilder;

  /** @param from,to the recording's bounds, microseconds */
  constructor(slots: number, from: number, to: number) {
    this.occupancy = new Occupancy(slots);
    this.#timeline = new TimelineBuilder(from, to);
    this.#slotMap = new SlotMapBuilder(from, to, slots);
  }

  /** A mapping takes its slots. @param offset bytes from the pool's start; @param device -1 = of unknown origin */
  take(op: Operation, offset: number, device: number, time: number): void {
    const slot = Math.floor(offset / slotBytes);
    const count = Math.ceil((op.size + (offset % slotBytes)) / slotBytes);
    const taking = this.occupancy.take({ slot, count, device, time });
    op.shown = { slot, count, begin: time, taking };
    this.#timeline.used(time, this.occupancy.used);
  }

  /** It gives them back, if it holds any. */
  give(op: Operation, time: number): void {
    const held = op.shown;
    if (held === null) return;
    op.shown = null;
    this.occupancy.give(held.slot, held.count, held.taking);
    this.#slotMap.held(held.slot, held.count, op.device, held.begin, time);
    this.#timeline.used(time, this.occupancy.used);
  }

  refused(time: number): void {
    this.#timeline.failure(time);
  }

  /** Close the pictures at the recording's end. */
  finish(to: number) {
    for (const run of this.occupancy.living()) this.#slotMap.held(run.slot, run.count, run.device, run.begin, to);
    return { timeline: this.#timeline.finish(to), slotMap: this.#slotMap.finish() };
  }
}
