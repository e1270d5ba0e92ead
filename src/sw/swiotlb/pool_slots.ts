/**
 * The slots of a pool and what is known of them: which are free, who holds the others, how much each area uses.
 *
 * A slot counts from the pool's start, an offset is bytes from it. What the kernel keeps for each slot follows from
 * the free bits and from one record an allocation. Source: Linux kernel/dma/swiotlb.c.
 */
import { Misuse } from "../../base/assert.js";
import { slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import type { MachineState } from "../../state/index.js";
import { rulesWith } from "./bugs.js";
import { freeAll, freeWords, runFrom } from "./free_slots.js";
import { checkShape, type PoolShape } from "./pool_shape.js";
import { type PoolState, placePool } from "./pool_state.js";
import { type PoolRules, today } from "./profile.js";
import { Records } from "./records.js";

const inSlot = slotBytes - 1;

export class PoolSlots {
  readonly start: number;
  readonly slots: number;
  readonly areas: number;
  /** Slots of an area; when areas do not divide the pool the slots that remain belong to none. */
  readonly areaSlots: number;
  readonly rules: PoolRules;
  /** Slots in use, and the most there were; `hiwater` may be set back. */
  used = 0;
  hiwater = 0;
  protected readonly state: PoolState;
  /** The free bits (free_slots.ts), to read. */
  protected readonly free: Int32Array;
  protected readonly records: Records;
  /** Words of `state.use`. */
  protected readonly indexes: Int32Array;
  protected readonly usedByArea: Int32Array;
  /** End of the slots, as an offset. */
  readonly #bytes: number;
  /** -1 when it is no whole number. */
  readonly #areaSlotsLg2: number;

  constructor(o: PoolShape) {
    checkShape(o);
    this.start = o.start;
    this.slots = o.slots;
    this.areas = o.areas;
    this.areaSlots = Math.floor(o.slots / o.areas);
    this.rules = rulesWith((o.profile ?? today).rules, o.bugs ?? []);
    const words = freeWords(o.slots);
    this.state = placePool({ start: o.start, freeWords: words, areas: o.areas }, o.state ?? null);
    this.free = this.state.free.words;
    freeAll(this.free, this.rules.runsEndWithPool ? o.slots : words * 32);
    this.records = new Records(this.state.records);
    const { use } = this.state;
    this.indexes = use.of("indexes");
    this.usedByArea = use.of("usedByArea");
    // The sum is no state of its own: it follows what the areas are put back to. The high-water mark stays: a counter.
    use.onPutBack((at, before) => {
      if (at >= use.at.usedByArea) this.used += use.words[at]! - before;
    });
    this.#bytes = this.free.length * 32 * slotBytes;
    const lg2 = Math.log2(this.areaSlots);
    this.#areaSlotsLg2 = Number.isInteger(lg2) ? lg2 : -1;
  }

  /** What the pool is a part of: its own, unless it was given one. */
  get machine(): MachineState {
    return this.state.machine;
  }

  /** Where the next search of an area begins, relative to the area. */
  areaIndex(area: number): number {
    return this.indexes[area]!;
  }

  setAreaIndex(area: number, index: number): void {
    if (!(index >= 0 && index < this.areaSlots)) throw new Misuse("area-index", `${index} in ${this.areaSlots} slots`);
    this.state.use.about(this.state.use.at.indexes + area, 1);
    this.indexes[area] = index;
  }

  /** Slots in use by allocations that begin in an area. */
  usedOf(area: number): number {
    return this.usedByArea[area]!;
  }

  isFree(slot: number): boolean {
    return (this.free[slot >> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** The kernel's `list` of a slot: free slots from it to the end of the run, of its slot set or of the pool. */
  freeRun(slot: number): number {
    return runFrom(this.free, slot);
  }

  /** The longest run of free slots inside one slot set. */
  longestRun(): number {
    let longest = 0;
    for (let slot = 0; slot < this.slots; ) {
      const run = runFrom(this.free, slot);
      if (run > longest) longest = run;
      slot += Math.max(1, run);
    }
    return longest;
  }

  /** The first slot of the allocation that holds `slot`; -1 when it is free. */
  ownerHead(slot: number): number {
    return slot < 0 || slot >= this.slots || this.isFree(slot) ? -1 : this.records.holderOf(slot);
  }

  /** The first slot of the mapping that begins at a byte offset, padding included; -1 when none does. */
  headAt(offset: number): number {
    return offset >= 0 && offset < this.#bytes ? this.records.headOf(slotOf(offset)) : -1;
  }

  /** Slots of the allocation whose first slot is `head`; 0 when none begins there. */
  slotsAt(head: number): number {
    return this.records.slots(head);
  }

  /** Bytes that the mapping at an offset may use, rounding included, padding slots too; 0 when none begins there. */
  sizeAt(offset: number): number {
    const head = this.headAt(offset);
    return head < 0 ? 0 : this.records.bytes(head);
  }

  /** Padding slots of the allocation whose first slot is `head`. */
  padSlotsAt(head: number): number {
    return this.records.pad(head) >> slotLg2;
  }

  /** The kernel's alloc_size of a slot: bytes from there to the end of its mapping, the kept offset taken off. */
  bytesLeft(slot: number): number {
    const head = this.ownerHead(slot);
    if (head < 0) return 0;
    return this.records.bytes(head) - (this.records.pad(head) & inSlot) - (slot - head) * slotBytes;
  }

  /** Keep a number of the caller's with the mapping at an offset, until it is unmapped. */
  setTag(offset: number, tag: number): void {
    const head = this.headAt(offset);
    if (head >= 0) this.records.setTag(head, tag);
  }

  /** The tag of the allocation that holds `slot`; -1 when there is none. */
  tagAt(slot: number): number {
    const head = this.ownerHead(slot);
    return head < 0 ? -1 : this.records.tag(head);
  }

  /** Call `visit` with the first slot, the slot count and the tag of every allocation, in order of slot. */
  forEachAllocation(visit: (head: number, count: number, tag: number) => void): void {
    const records = this.records;
    for (let slot = 0; slot < this.slots; slot++) {
      const count = records.slots(slot);
      if (count > 0) visit(slot, count, records.tag(slot));
    }
  }

  protected areaOf(slot: number): number {
    const lg2 = this.#areaSlotsLg2;
    return lg2 >= 0 ? slot >> lg2 : Math.floor(slot / this.areaSlots);
  }
}

/** The slot of a byte offset; offsets of pools above 2 GiB do not fit 31 bits. */
export function slotOf(offset: number): number {
  return offset < 0x8000_0000 ? offset >> slotLg2 : Math.floor(offset / slotBytes);
}
