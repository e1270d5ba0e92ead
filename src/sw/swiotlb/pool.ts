/**
 * One pool of bounce slots, bit-exact: it chooses the slots that Linux chooses.
 *
 * All positions are numbers: a slot counts from the pool's start, an offset is bytes from it. Nothing on the paths of
 * `map` and `unmap` allocates. What the kernel keeps for each slot follows from
 * the free bits and from one record an allocation. Source: Linux kernel/dma/swiotlb.c.
 */
import { Misuse } from "../../base/assert.js";
import { setSlots, slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import { rulesWith } from "./bug.js";
import { allFree, give, runFrom, take } from "./free_slots.js";
import { endless, plainSearch } from "./plain_search.js";
import { checkShape, type PoolShape } from "./pool_shape.js";
import { type PoolRules, today } from "./profile.js";
import { Records } from "./records.js";
import { Request } from "./request.js";
import { RoomIndex } from "./room_index.js";

const inSlot = slotBytes - 1;

export class Pool {
  readonly start: number;
  readonly slots: number;
  readonly areas: number;
  /** Slots of an area; when areas do not divide the pool the slots that remain belong to none. */
  readonly areaSlots: number;
  readonly rules: PoolRules;
  /** Slots in use, and the most there were; `hiwater` may be set back. */
  used = 0;
  hiwater = 0;
  /** The last search would never have ended: it was cut when it had gone in a circle. Only with old rules. */
  searchWasEndless = false;
  readonly #free: Int32Array;
  readonly #index: RoomIndex;
  readonly #records: Records;
  /** End of the slots, as an offset. */
  readonly #bytes: number;
  /** -1 when it is no whole number. */
  readonly #areaSlotsLg2: number;
  readonly #areaIndex: Int32Array;
  readonly #areaUsed: Int32Array;
  /** The index knows today's walk and that before 2024. */
  readonly #indexed: boolean;
  readonly #request = new Request();

  /** @throws Misuse `pool-shape` for a start, a number of slots or of areas that no kernel could have. */
  constructor(o: PoolShape) {
    checkShape(o);
    this.start = o.start;
    this.slots = o.slots;
    this.areas = o.areas;
    this.areaSlots = Math.floor(o.slots / o.areas);
    this.rules = rulesWith((o.profile ?? today).rules, o.bugs ?? []);
    this.#indexed = this.rules.countsSteps && !this.rules.startAligned;
    const end = this.rules.runsEndWithPool ? o.slots : Math.ceil(o.slots / setSlots) * setSlots;
    this.#free = allFree(end);
    this.#index = new RoomIndex(this.#free, o.start, end);
    this.#bytes = this.#free.length * 32 * slotBytes;
    this.#records = new Records(this.#free.length << 5);
    const lg2 = Math.log2(this.areaSlots);
    this.#areaSlotsLg2 = Number.isInteger(lg2) ? lg2 : -1;
    this.#areaIndex = new Int32Array(o.areas);
    this.#areaUsed = new Int32Array(o.areas);
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
    const slot = this.#searchAreas(cpu);
    if (slot < 0) return -1;
    this.#takeAt(slot);
    return (slot + request.padSlots) * slotBytes + request.offset;
  }

  /**
   * Take slots that belong to no buffer, for pages of a restricted pool: aligned to the mask, not rounded up to it.
   * @returns byte offset from the pool's start, or -1.
   */
  allocate(cpu: number, size: number, minAlignMask: number, allocAlignMask: number): number {
    this.#request.resolve(this.rules, 0, 0, size, minAlignMask, allocAlignMask, 0);
    this.#request.unround(size);
    const slot = this.#searchAreas(cpu);
    if (slot < 0) return -1;
    this.#takeAt(slot);
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
    const slot = this.#searchAreas(cpu);
    return slot < 0 ? -1 : (slot + request.padSlots) * slotBytes + request.offset;
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
    const slot = request.slots === 0 ? -1 : this.#searchArea(area);
    if (slot < 0) return -1;
    this.#takeAt(slot);
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
    const records = this.#records;
    const pad = records.pad(first) & inSlot;
    const kept = offset & minAlignMask & inSlot;
    let count = records.slots(first);
    if (kept !== pad) {
      const released = (records.bytes(first) - pad + kept + inSlot) >> slotLg2;
      if (released < count) records.leaveBehind(first, released);
      count = Math.min(count, released);
    }
    records.erase(first);
    give(this.#free, first, count);
    this.#index.freed(first);
    this.#areaUsed[this.#areaOf(first)]! -= count;
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
    if (!(first >= 0 && first < this.areaSlots * this.areas) || runFrom(this.#free, first) < request.slots)
      return false;
    this.#takeAt(first);
    return true;
  }

  /** Where the next search of an area begins, relative to the area. */
  areaIndex(area: number): number {
    return this.#areaIndex[area]!;
  }

  setAreaIndex(area: number, index: number): void {
    if (!(index >= 0 && index < this.areaSlots)) throw new Misuse("area-index", `${index} in ${this.areaSlots} slots`);
    this.#areaIndex[area] = index;
  }

  /** Slots in use by allocations that begin in an area. */
  usedOf(area: number): number {
    return this.#areaUsed[area]!;
  }

  isFree(slot: number): boolean {
    return (this.#free[slot >> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** The kernel's `list` of a slot: free slots from it to the end of the run, of its slot set or of the pool. */
  freeRun(slot: number): number {
    return runFrom(this.#free, slot);
  }

  /** The longest run of free slots inside one slot set. */
  longestRun(): number {
    let longest = 0;
    for (let slot = 0; slot < this.slots; ) {
      const run = runFrom(this.#free, slot);
      if (run > longest) longest = run;
      slot += Math.max(1, run);
    }
    return longest;
  }

  /** The first slot of the allocation that holds `slot`; -1 when it is free. */
  ownerHead(slot: number): number {
    return slot < 0 || slot >= this.slots || this.isFree(slot) ? -1 : this.#records.holderOf(slot);
  }

  /** The first slot of the mapping that begins at a byte offset, padding included; -1 when none does. */
  headAt(offset: number): number {
    return offset >= 0 && offset < this.#bytes ? this.#records.headOf(slotOf(offset)) : -1;
  }

  /** Slots of the allocation whose first slot is `head`; 0 when none begins there. */
  slotsAt(head: number): number {
    return this.#records.slots(head);
  }

  /** Bytes that the mapping at an offset may use, rounding included, padding slots too; 0 when none begins there. */
  sizeAt(offset: number): number {
    const head = this.headAt(offset);
    return head < 0 ? 0 : this.#records.bytes(head);
  }

  /** Padding slots of the allocation whose first slot is `head`. */
  padSlotsAt(head: number): number {
    return this.#records.pad(head) >> slotLg2;
  }

  /** The kernel's alloc_size of a slot: bytes from there to the end of its mapping, the kept offset taken off. */
  bytesLeft(slot: number): number {
    const head = this.ownerHead(slot);
    if (head < 0) return 0;
    return this.#records.bytes(head) - (this.#records.pad(head) & inSlot) - (slot - head) * slotBytes;
  }

  /** Keep a number of the caller's with the mapping at an offset, until it is unmapped. */
  setTag(offset: number, tag: number): void {
    const head = this.headAt(offset);
    if (head >= 0) this.#records.setTag(head, tag);
  }

  /** The tag of the allocation that holds `slot`; -1 when there is none. */
  tagAt(slot: number): number {
    const head = this.ownerHead(slot);
    return head < 0 ? -1 : this.#records.tag(head);
  }

  /** Call `visit` with the first slot, the slot count and the tag of every allocation, in order of slot. */
  forEachAllocation(visit: (head: number, count: number, tag: number) => void): void {
    const records = this.#records;
    for (let slot = 0; slot < this.slots; slot++) {
      const count = records.slots(slot);
      if (count > 0) visit(slot, count, records.tag(slot));
    }
  }

  #searchAreas(cpu: number): number {
    if (this.#request.slots === 0) return -1;
    const { areas } = this;
    const begin = cpu & (areas - 1);
    for (let area = begin; ; ) {
      const slot = this.#searchArea(area);
      if (slot >= 0) return slot;
      if (++area >= areas) area = 0;
      if (area === begin) return -1;
    }
  }

  #searchArea(area: number): number {
    const request = this.#request;
    const { areaSlots } = this;
    if (request.slots > areaSlots - this.#areaUsed[area]!) return -1;
    const index = this.#areaIndex[area]!;
    if (request.period !== 0 && this.#indexed) return this.#index.search(request, area * areaSlots, areaSlots, index);
    const slot = plainSearch(this, request, area * areaSlots, index, this.rules);
    this.searchWasEndless = slot === endless;
    return slot;
  }

  #takeAt(first: number): void {
    const { slots, bytes, padSlots, offset } = this.#request;
    this.#records.put(first, slots, bytes, (padSlots << slotLg2) | offset);
    take(this.#free, first, slots);
    const area = this.#areaOf(first);
    const next = first - area * this.areaSlots + slots;
    this.#areaIndex[area] = next < this.areaSlots ? next : 0;
    this.#areaUsed[area]! += slots;
    this.used += slots;
    if (this.used > this.hiwater) this.hiwater = this.used;
  }

  #areaOf(slot: number): number {
    const lg2 = this.#areaSlotsLg2;
    return lg2 >= 0 ? slot >> lg2 : Math.floor(slot / this.areaSlots);
  }
}

/** The slot of a byte offset; offsets of pools above 2 GiB do not fit 31 bits. */
function slotOf(offset: number): number {
  return offset < 0x8000_0000 ? offset >> slotLg2 : Math.floor(offset / slotBytes);
}
