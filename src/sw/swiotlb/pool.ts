/**
 * One pool of bounce slots, bit-exact: it chooses the slots that Linux chooses.
 *
 * Nothing on the paths of `map` and `unmap` allocates, and all that passes is numbers. Source: Linux
 * kernel/dma/swiotlb.c, swiotlb_find_slots, swiotlb_search_pool_area and swiotlb_release_slots.
 */

import { slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import type { RawRecord } from "../../state/index.js";
import { give, runFrom, take } from "./free_slots.js";
import { endless, plainSearch } from "./plain_search.js";
import type { PoolShape } from "./pool_shape.js";
import { PoolSlots, slotOf } from "./pool_slots.js";
import { Request } from "./request.js";
import { RoomIndex } from "./room_index.js";

const inSlot = slotBytes - 1;

export class Pool extends PoolSlots {
  /** The last search would never have ended: it was cut when it had gone in a circle. Only with old rules. */
  searchWasEndless = false;
  readonly #index: RoomIndex;
  readonly #taken: RawRecord;
  /** The index knows today's walk and that before 2024. */
  readonly #indexed: boolean;
  readonly #request = new Request();
  /** First slot of what the last `find` found, -1 = nothing. */
  #found = -1;

  /** @throws Misuse `pool-shape` for a start, a number of slots or of areas that no kernel could have. */
  constructor(o: PoolShape) {
    super(o);
    this.#index = new RoomIndex(this.free, o.start, this.free.length * 32);
    this.#taken = this.state.free;
    this.#taken.onPutBack((word, before) => this.#index.putBack(word, this.free[word]! & ~before));
    this.#indexed = this.rules.countsSteps && !this.rules.startAligned;
  }

  /**
   * Take the slots that the kernel would take.
   *
   * @param cpu the CPU that maps: it chooses the area where the search begins
   * @param origHigh,origLow upper and lower 32 bits of the buffer's physical address
   * @param size bytes, at least 1
   * @param minAlignMask the device's min_align_mask
   * @param allocAlignMask the caller's alloc_align_mask, 0 for a plain mapping
   * @param boundarySlots segment boundary in slots, a power of two; 0 = none
   * @returns byte offset of the mapping from the pool's start, padding skipped; -1 when the pool is full for it.
   */
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
    return this.serve(cpu, request);
  }

  /** `map` of a request that was resolved by this pool's rules, as one is that goes to several pools. */
  serve(cpu: number, request: Request): number {
    const slot = this.#searchAreas(request, cpu);
    if (slot < 0) return -1;
    this.#takeAt(request, slot);
    return (slot + request.padSlots) * slotBytes + request.offset;
  }

  /**
   * Take slots that belong to no buffer, for pages of a restricted pool: aligned to the mask, not rounded up to it.
   * @returns byte offset from the pool's start, or -1.
   */
  allocate(cpu: number, size: number, minAlignMask: number, allocAlignMask: number): number {
    const request = this.#request;
    request.resolve(this.rules, 0, 0, size, minAlignMask, allocAlignMask, 0);
    request.unround(size);
    const slot = this.#searchAreas(request, cpu);
    if (slot < 0) return -1;
    this.#takeAt(request, slot);
    return slot * slotBytes;
  }

  /** The search of `map` without taking anything; same arguments, same answer. */
  find(
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
    const slot = this.#searchAreas(request, cpu);
    this.#found = slot;
    return slot < 0 ? -1 : (slot + request.padSlots) * slotBytes + request.offset;
  }

  /** Take what the last `find` found, as `map` would have. Nothing may have been asked of the pool since. */
  takeFound(): void {
    if (this.#found >= 0) this.#takeAt(this.#request, this.#found);
    this.#found = -1;
  }

  /** `map` in one area alone, as a search over several pools does; `size` and the rest as there. */
  mapInArea(
    area: number,
    origHigh: number,
    origLow: number,
    size: number,
    minAlignMask: number,
    allocAlignMask: number,
    boundarySlots: number,
  ): number {
    const request = this.#request;
    request.resolve(this.rules, origHigh, origLow, size, minAlignMask, allocAlignMask, boundarySlots);
    const slot = request.slots === 0 ? -1 : this.#searchArea(request, area);
    if (slot < 0) return -1;
    this.#takeAt(request, slot);
    return (slot + request.padSlots) * slotBytes + request.offset;
  }

  /**
   * Release the mapping at an offset that `map` returned.
   *
   * The kernel computes how much to release from the mask of this moment. When a device has changed its mask since
   * then, a slot may stay behind for ever, here as there.
   * @param minAlignMask the device's min_align_mask
   * @returns false, and nothing changes, when no mapping begins there.
   */
  unmap(offset: number, minAlignMask: number): boolean {
    const first = this.headAt(offset);
    if (first < 0) return false;
    const records = this.records;
    const pad = records.pad(first) & inSlot;
    const kept = offset & minAlignMask & inSlot;
    let count = records.slots(first);
    if (kept !== pad) {
      const released = (records.bytes(first) - pad + kept + inSlot) >> slotLg2;
      if (released < count) records.leaveBehind(first, released);
      count = Math.min(count, released);
    }
    if (this.#taken.isNoted) this.#about(first, count, records.pad(first));
    records.erase(first);
    give(this.free, first, count);
    this.#index.freed(first);
    this.usedByArea[this.areaOf(first)]! -= count;
    this.used -= count;
    return true;
  }

  /**
   * Take exactly the slots that the kernel took, wherever its search came from: the mapping that begins at `offset`.
   * The area's index moves behind them, as after a search.
   * @returns false, and nothing changes, when some of the slots are taken or the request cannot begin there.
   */
  place(
    offset: number,
    origHigh: number,
    origLow: number,
    size: number,
    minAlignMask: number,
    allocAlignMask: number,
  ): boolean {
    const request = this.#request;
    request.resolve(this.rules, origHigh, origLow, size, minAlignMask, allocAlignMask, 0);
    const first = slotOf(offset) - request.padSlots;
    if (request.slots === 0 || (offset & inSlot) !== request.offset) return false;
    if (!(first >= 0 && first < this.areaSlots * this.areas) || runFrom(this.free, first) < request.slots) return false;
    this.#takeAt(request, first);
    return true;
  }

  #searchAreas(request: Request, cpu: number): number {
    if (request.slots === 0) return -1;
    const { areas } = this;
    const begin = cpu & (areas - 1);
    for (let area = begin; ; ) {
      const slot = this.#searchArea(request, area);
      if (slot >= 0) return slot;
      if (++area >= areas) area = 0;
      if (area === begin) return -1;
    }
  }

  #searchArea(request: Request, area: number): number {
    const { areaSlots } = this;
    if (request.slots > areaSlots - this.usedByArea[area]!) return -1;
    const index = this.indexes[area]!;
    if (request.period !== 0 && this.#indexed) return this.#index.search(request, area * areaSlots, areaSlots, index);
    const slot = plainSearch(this, request, area * areaSlots, index, this.rules);
    this.searchWasEndless = slot === endless;
    return slot;
  }

  #takeAt(request: Request, first: number): void {
    const { slots, bytes, padSlots, offset } = request;
    const pad = (padSlots << slotLg2) | offset;
    if (this.#taken.isNoted) this.#about(first, slots, pad);
    this.records.put(first, slots, bytes, pad);
    take(this.free, first, slots);
    const area = this.areaOf(first);
    const next = first - area * this.areaSlots + slots;
    this.indexes[area] = next < this.areaSlots ? next : 0;
    this.usedByArea[area]! += slots;
    this.used += slots;
    if (this.used > this.hiwater) this.hiwater = this.used;
  }

  /** An allocation is about to be made, or ended: announce all that either writes. */
  #about(first: number, slots: number, pad: number): void {
    const { free, use } = this.state;
    const area = this.areaOf(first);
    this.records.about(first, pad);
    free.about(first >> 5, ((first & 31) + slots + 31) >> 5);
    use.about(use.at.indexes + area, 1);
    use.about(use.at.usedByArea + area, 1);
  }
}
