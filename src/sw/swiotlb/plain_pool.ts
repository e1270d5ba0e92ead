/**
 * A pool kept as the kernel keeps it: four numbers to a slot, renumbered by hand, searched slot by slot.
 *
 * It is slow and it is the definition: Pool must answer as this one does. It also does what the kernel does when it is
 * called wrongly (a mapping released twice, or under another mask), where Pool refuses. Source: Linux
 * kernel/dma/swiotlb.c, swiotlb_search_pool_area, swiotlb_tbl_map_single and swiotlb_release_slots.
 */
import { setSlots, slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import { rulesWith } from "./bugs.js";
import { plainSearch } from "./plain_search.js";
import type { PoolShape } from "./pool_shape.js";
import { type PoolRules, today } from "./profile.js";
import { Request } from "./request.js";

const inSet = setSlots - 1;
const inSlot = slotBytes - 1;

export class PlainPool {
  readonly start: number;
  readonly areas: number;
  readonly areaSlots: number;
  readonly rules: PoolRules;
  /** Free slots from a slot to the end of its run; 0 = taken. */
  readonly list: Int32Array;
  /** Bytes from a slot to the end of its mapping. */
  readonly allocSize: Int32Array;
  /** Padding slots before a mapping, at its first slot that carries bytes. */
  readonly padSlots: Int32Array;
  readonly areaIndex: Int32Array;
  readonly areaUsed: Int32Array;
  /** Sum of areaUsed. */
  used = 0;
  readonly #request = new Request();

  constructor(o: PoolShape) {
    this.start = o.start;
    this.areas = o.areas;
    this.areaSlots = Math.floor(o.slots / o.areas);
    this.rules = rulesWith((o.profile ?? today).rules, o.bugs ?? []);
    const end = this.rules.runsEndWithPool ? o.slots : Math.ceil(o.slots / setSlots) * setSlots;
    this.list = Int32Array.from({ length: end }, (_, i) => Math.min(setSlots - (i & inSet), end - i));
    this.allocSize = new Int32Array(end);
    this.padSlots = new Int32Array(end);
    this.areaIndex = new Int32Array(o.areas);
    this.areaUsed = new Int32Array(o.areas);
  }

  freeRun(slot: number): number {
    return this.list[slot]!;
  }

  /** As Pool.map. */
  map(
    cpu: number,
    origHigh: number,
    origLow: number,
    size: number,
    minAlignMask: number,
    allocAlignMask: number,
    boundarySlots: number,
  ): number {
    const request = this.#request;
    request.resolve(this.rules, origHigh, origLow, size, minAlignMask, allocAlignMask, boundarySlots);
    if (request.slots === 0) return -1;
    const begin = cpu & (this.areas - 1);
    for (let area = begin; ; ) {
      const first = this.#search(area);
      if (first >= 0) {
        this.#take(area, first);
        return (first + request.padSlots) * slotBytes + request.offset;
      }
      if (++area >= this.areas) area = 0;
      if (area === begin) return -1;
    }
  }

  /**
   * Release what the kernel would release for this address, right or wrong: as many slots as the size kept for the
   * address's slot says, rounded up, from there on.
   * @returns whether any slot was released that was taken.
   */
  unmap(offset: number, minAlignMask: number): boolean {
    const kept = offset & minAlignMask & inSlot;
    let first = Math.floor((offset - kept) / slotBytes);
    first -= this.padSlots[first]!;
    const count = (this.allocSize[first]! + kept + inSlot) >> slotLg2;
    const end = first + count;
    const wasTaken = this.list[first] === 0 && count > 0;
    let run = end < first - (first & inSet) + setSlots && end < this.list.length ? this.list[end]! : 0;
    for (let slot = end - 1; slot >= first; slot--) {
      this.list[slot] = ++run;
      this.allocSize[slot] = 0;
      this.padSlots[slot] = 0;
    }
    this.#renumberBefore(first, run);
    this.areaUsed[Math.floor(first / this.areaSlots)]! -= count;
    this.used -= count;
    return wasTaken;
  }

  #search(area: number): number {
    if (this.#request.slots > this.areaSlots - this.areaUsed[area]!) return -1;
    return plainSearch(this, this.#request, area * this.areaSlots, this.areaIndex[area]!, this.rules);
  }

  #take(area: number, first: number): void {
    const { slots, bytes, padSlots, offset } = this.#request;
    for (let k = 0; k < slots; k++) {
      this.list[first + k] = 0;
      this.allocSize[first + k] = bytes - offset - k * slotBytes;
    }
    this.padSlots[first + padSlots] = padSlots;
    this.#renumberBefore(first, 0);
    const next = first - area * this.areaSlots + slots;
    this.areaIndex[area] = next < this.areaSlots ? next : 0;
    this.areaUsed[area]! += slots;
    this.used += slots;
  }

  /** Free slots directly before `first`, in its slot set, count on from `run`. */
  #renumberBefore(first: number, run: number): void {
    let count = run;
    for (let slot = first - 1; slot >= 0 && (slot & inSet) !== inSet && this.list[slot] !== 0; slot--)
      this.list[slot] = ++count;
  }
}
