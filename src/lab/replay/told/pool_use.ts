/** Which mappings hold which slots, over time: the pictures of a pool that reports draw. */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";
import { Occupancy } from "./occupancy.js";
import { SlotMapBuilder, TimelineBuilder } from "./timeline.js";

export class PoolUse {
  readonly occupancy: Occupancy;
  readonly #maps: Mappings;
  readonly #timeline: TimelineBuilder;
  readonly #slotMap: SlotMapBuilder;
  /** Of a mapping that is shown to hold slots: its first one, how many, and since when. */
  #slot = new Int32Array(1024);
  #count = new Int32Array(1024);
  #since = new Float64Array(1024);

  /** @param from,to the recording's bounds, microseconds */
  constructor(maps: Mappings, slots: number, from: number, to: number) {
    this.#maps = maps;
    this.occupancy = new Occupancy(slots);
    this.#timeline = new TimelineBuilder(from, to);
    this.#slotMap = new SlotMapBuilder(from, to, slots);
  }

  /** A mapping takes its slots. @param offset bytes from the pool's start; @param device -1 = of unknown origin */
  take(m: number, offset: number, device: number, time: number): void {
    if (m >= this.#slot.length) this.#makeRoom(m);
    const { size, taking } = this.#maps;
    const slot = Math.floor(offset / slotBytes);
    const count = Math.ceil((size[m]! + (offset % slotBytes)) / slotBytes);
    this.#slot[m] = slot;
    this.#count[m] = count;
    this.#since[m] = time;
    taking[m] = this.occupancy.take(slot, count, device, time);
    this.#timeline.used(time, this.occupancy.used);
  }

  /** It gives them back, if it holds any. */
  give(m: number, time: number): void {
    const { taking, device } = this.#maps;
    if (taking[m] === 0) return;
    const slot = this.#slot[m]!,
      count = this.#count[m]!;
    this.occupancy.give(slot, count, taking[m]!);
    taking[m] = 0;
    this.#slotMap.held(slot, count, device[m]!, this.#since[m]!, time);
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

  #makeRoom(m: number): void {
    const length = 2 * Math.max(m, this.#slot.length);
    this.#slot = longer(this.#slot, length);
    this.#count = longer(this.#count, length);
    this.#since = longer(this.#since, length);
  }
}
