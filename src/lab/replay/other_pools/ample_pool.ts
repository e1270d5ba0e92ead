/**
 * A pool that has room for every request, whatever its size: how much of it is in use, and how large a real one must be so
 * that counting alone shows that it refuses nothing. All pools of that size and more then answer alike, and none of them
 * has to be tried.
 *
 * Places where a request may begin come at equal distances, so many in each empty slot set. An allocation lies in one slot
 * set, and bars the places from which the request would reach into it. Where there are more places than can be barred, one
 * is left, and the walk finds it: it comes to every place but those of the few slot sets that `surelySearched` leaves out.
 *
 * Source: Linux kernel/dma/swiotlb.c, swiotlb_search_pool_area.
 */
import { setSlots, slotBytes, slotLg2 } from "../../../spec/swiotlb/sizes.js";
import type { Request } from "../../../sw/swiotlb/index.js";
import type { PoolRules } from "../../../sw/swiotlb/profile.js";
import { longer } from "../contracts/columns.js";
import type { RequestBatch, ResolvedRequests } from "./request_batch.js";
import type { Setting } from "./setting.js";

export class AmplePool {
  bounced = 0;
  /** Requests that no pool of any size can serve. */
  failed = 0;
  hiwater = 0;
  /** A pool of more slot sets that are surely searched has refused nothing so far but what none can serve. */
  needed = 0;
  readonly #forced: boolean;
  /** Whether places come at equal distances under these rules. */
  readonly #counts: boolean;
  readonly #startLow: number;
  readonly #slotsMax: number;
  #used = 0;
  #living = 0;
  /** Slots of what lives, by the request's number; 0 = it does not bounce. */
  #slots = new Int32Array(1 << 12);

  /** @param o.base bus address of slot 0 of every pool; @param o.slotsMax slots of the largest pool that is asked about */
  constructor(o: {
    readonly forced: boolean;
    readonly rules: PoolRules;
    readonly base: number;
    readonly slotsMax: number;
  }) {
    this.#forced = o.forced;
    this.#counts = o.rules.countsSteps && !o.rules.startAligned;
    this.#startLow = (o.base / slotBytes) | 0;
    this.#slotsMax = o.slotsMax;
  }

  run(batch: RequestBatch, { requests }: ResolvedRequests): void {
    for (let i = 0; i < batch.count; i++) {
      const id = batch.id[i]!;
      if (batch.begins[i] === 0) this.#end(id);
      else if (this.#forced || batch.beyond[i] === 1) this.#begin(id, requests[i]!);
    }
  }

  #begin(id: number, request: Request): void {
    const { slots } = request;
    if (slots === 0) {
      this.failed++;
      return;
    }
    const needed = this.#setsNeeded(request);
    if (needed > this.needed) this.needed = needed;
    this.bounced++;
    this.#living++;
    this.#used += slots;
    if (this.#used > this.hiwater) this.hiwater = this.#used;
    if (id >= this.#slots.length) this.#slots = longer(this.#slots, 2 * id);
    this.#slots[id] = slots;
  }

  #end(id: number): void {
    const slots = id < this.#slots.length ? this.#slots[id]! : 0;
    if (slots === 0) return;
    this.#slots[id] = 0;
    this.#living--;
    this.#used -= slots;
  }

  /** So many empty slot sets have as many places for a request as what lives may bar: of one set each, no more than all. */
  #setsNeeded({ slots, step, period, boundarySlots, compares, same }: Request): number {
    const meetsBoundaries = boundarySlots !== 0 && boundarySlots < this.#slotsMax;
    if (!this.#counts || period === 0 || step > setSlots || meetsBoundaries) return Number.POSITIVE_INFINITY;
    const wanted = ((compares ? same >>> slotLg2 : 0) - this.#startLow) & (period - 1);
    // What is tried less often than it may begin begins where the walk of the moment does.
    const first = period === step ? wanted : step - 1;
    const places = Math.floor((setSlots - slots - first) / step) + 1;
    if (places <= 0) return Number.POSITIVE_INFINITY;
    const barred = (this.#used + this.#living * (slots - 1 + step)) / (places * step);
    return Math.min(barred, this.#living);
  }
}

/**
 * Slot sets of a pool to whose places every search comes, wherever it begins.
 *
 * An area's walk begins amid one set and comes to the rest of the area, and then from the area's start to less than a set
 * before where it began: two sets may be left out. Where areas are no whole sets, another is not the area's alone. And in
 * one set of the pool a device's segment may end.
 */
export function surelySearched({ slots, areas }: Setting): number {
  const areaSlots = Math.floor(slots / areas);
  const apart = areaSlots % setSlots === 0 ? 0 : 1;
  return areas * Math.max(0, Math.floor(areaSlots / setSlots) - apart - 2) - 1;
}
