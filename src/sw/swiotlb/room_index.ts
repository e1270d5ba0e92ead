/**
 * The search of one area by index: the same slot as the walk of plain_search.ts, without visiting what cannot fit.
 *
 * For starts of three kinds (any slot, even ones, odd ones) each slot set, and each group of 16, has an upper bound of
 * its longest run of free slots. Freeing raises the bounds exactly, taking leaves them, a set that was tested in vain
 * lowers its own: every wasted test is paid once. A set is tested by folding its 128 bits until a bit says "n slots
 * are free from here". What the walk skips by its wrap and its stride is skipped here too.
 */
import { setSlots, slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import { runBefore, runFrom } from "./free_slots.js";
import type { Request } from "./request.js";

const setLg2 = 7;
const groupLg2 = 4;
const groupMask = (1 << groupLg2) - 1;
/** Bits of one word that are 1, 2, 4, 8, 16 and 32 apart, by the logarithm of the distance. */
const combs = Int32Array.of(-1, 0x5555_5555, 0x1111_1111, 0x0101_0101, 0x0001_0001, 1);
/** Boundaries further apart than this are met at most once in a pool. */
const boundaryMax = 2 ** 30;

/** Upper bounds of the longest run for one kind of start, by slot set and by group of sets. */
class Rooms {
  readonly sets: Uint8Array;
  readonly groups: Uint8Array;

  constructor(sets: number) {
    this.sets = new Uint8Array(sets).fill(setSlots);
    this.groups = new Uint8Array((sets >> groupLg2) + 1).fill(setSlots);
  }

  raise(set: number, run: number): void {
    if (this.sets[set]! >= run) return;
    this.sets[set] = run;
    const group = set >> groupLg2;
    if (this.groups[group]! < run) this.groups[group] = run;
  }

  lower(set: number, run: number): void {
    if (this.sets[set]! > run) this.sets[set] = run;
  }
}

export class RoomIndex {
  readonly #free: Int32Array;
  readonly #slots: number;
  readonly #startSlots: number;
  /** Low bits of the bus slot number of slot 0. */
  readonly #startLow: number;
  readonly #any: Rooms;
  readonly #even: Rooms;
  readonly #odd: Rooms;
  /** The request at hand, and the segment boundary as it lies in the pool: slot + phase is counted from one. */
  #count = 0;
  #boundary = 0;
  #phase = 0;

  /**
   * @param free one bit a slot (free_slots.ts), all of them free; shared with the pool
   * @param start bus byte address of slot 0
   */
  constructor(free: Int32Array, start: number, slots: number) {
    this.#free = free;
    this.#slots = slots;
    this.#startSlots = start / slotBytes;
    this.#startLow = (start / slotBytes) | 0;
    const sets = free.length >> 2;
    this.#any = new Rooms(sets);
    this.#even = new Rooms(sets);
    this.#odd = new Rooms(sets);
  }

  /** Note that a slot has become free. @param slot any slot of the run that is free now */
  freed(slot: number): void {
    const first = slot - runBefore(this.#free, slot);
    const run = runFrom(this.#free, first);
    const set = first >> setLg2;
    const isOdd = first & 1;
    this.#any.raise(set, run);
    this.#even.raise(set, run - isOdd);
    this.#odd.raise(set, run - 1 + isOdd);
  }

  /**
   * Note that slots have become free because what had taken them was taken back.
   * @param bits of a word of free bits: those of the slots
   */
  putBack(word: number, bits: number): void {
    for (let left = bits; left !== 0; ) {
      const slot = (word << 5) + 31 - Math.clz32(left & -left);
      this.freed(slot);
      const run = runFrom(this.#free, slot);
      const end = slot - (word << 5) + run;
      left = end >= 32 ? 0 : left & (-1 << end);
    }
  }

  /**
   * @param request with a period; plainSearch serves those without
   * @param areaFirst first slot of the area
   * @param index where the walk begins, relative to the area
   * @returns the slot that plainSearch returns.
   */
  search(request: Request, areaFirst: number, areaSlots: number, index: number): number {
    const { period, step, stride } = request;
    this.#count = request.slots;
    if (!this.#meetBoundary(request.boundarySlots)) return -1;
    const wanted = ((request.compares ? request.same >>> slotLg2 : 0) - this.#startLow) | 0;
    const begin = areaFirst + index;
    const end = areaFirst + areaSlots;
    const first = begin + ((wanted - begin) & (period - 1));
    let to = begin;
    if (first < end) {
      const slot = this.#fit(first, end, step);
      if (slot >= 0) return slot;
      // The last candidate's stride runs past the end, and the walk counts what lies beyond as checked.
      const past = first + ((end - 1 - first) & -step) + stride - end;
      if (past > 0) to -= past;
    }
    const again = areaFirst + ((wanted - areaFirst) & (period - 1));
    return again < to ? this.#fit(again, to, step) : -1;
  }

  /** Set the boundary for a search. @returns false when no run of the request's length stays inside. */
  #meetBoundary(boundary: number): boolean {
    this.#boundary = 0;
    if (boundary === 0) return true;
    if (this.#count > boundary) return false;
    if (boundary <= boundaryMax) {
      this.#phase = this.#startLow & (boundary - 1);
      if (this.#phase + this.#slots > boundary) this.#boundary = boundary;
    } else {
      const line = boundary - (this.#startSlots % boundary);
      if (line < this.#slots) {
        this.#boundary = boundaryMax;
        this.#phase = boundaryMax - line;
      }
    }
    return true;
  }

  /** @returns the first candidate in first, first + step, … below `to` that fits; -1 when none does. */
  #fit(first: number, to: number, step: number): number {
    const count = this.#count;
    if (runFrom(this.#free, first) >= count && this.#insideBoundary(first)) return first;
    if (step > setSlots) {
      for (let slot = first + step; slot < to; slot += step)
        if (runFrom(this.#free, slot) >= count && this.#insideBoundary(slot)) return slot;
      return -1;
    }
    const rooms = step === 1 ? this.#any : (first & 1) === 0 ? this.#even : this.#odd;
    const { sets, groups } = rooms;
    const last = (to - 1) >> setLg2;
    let groupIsShort = false;
    for (let set = first >> setLg2; set <= last; set++) {
      if ((set & groupMask) === 0) {
        if (groups[set >> groupLg2]! < count) {
          set += groupMask;
          continue;
        }
        groupIsShort = true;
      }
      if (sets[set]! >= count) {
        const slot = this.#fitInSet(set, first, to, step, rooms);
        if (slot >= 0) return slot;
        if (sets[set]! >= count) groupIsShort = false;
      }
      if ((set & groupMask) === groupMask && groupIsShort) groups[set >> groupLg2] = count - 1;
    }
    return -1;
  }

  /** One slot set: fold its words until bit s says that the request's slots are free from s, then take candidates. */
  #fitInSet(set: number, first: number, to: number, step: number, rooms: Rooms): number {
    const free = this.#free;
    const at = set << 2;
    let a = free[at]!;
    let b = free[at + 1]!;
    let c = free[at + 2]!;
    let d = free[at + 3]!;
    const count = this.#count;
    for (let have = 1; have < count; ) {
      const shift = Math.min(have, count - have);
      have += shift;
      if (shift < 32) {
        const up = 32 - shift;
        a &= (a >>> shift) | (b << up);
        b &= (b >>> shift) | (c << up);
        c &= (c >>> shift) | (d << up);
        d &= d >>> shift;
      } else if (shift === 32) {
        a &= b;
        b &= c;
        c &= d;
        d = 0;
      } else if (shift < 64) {
        const down = shift - 32;
        const up = 64 - shift;
        a &= (b >>> down) | (c << up);
        b &= (c >>> down) | (d << up);
        c &= d >>> down;
        d = 0;
      } else {
        a &= c;
        b &= d;
        c = d = 0;
      }
    }
    const some = a | b | c | d;
    if (some === 0) {
      this.#any.lower(set, count - 1);
      this.#even.lower(set, count - 1);
      this.#odd.lower(set, count - 1);
      return -1;
    }
    if (step === 1) return this.#firstOf(set << setLg2, a, b, c, d, first, to);
    if ((some & (0x5555_5555 << (first & 1))) === 0) {
      rooms.lower(set, count - 1);
      return -1;
    }
    if (step <= 32) {
      const comb = combs[31 - Math.clz32(step)]! << (first & (step - 1));
      return this.#firstOf(set << setLg2, a & comb, b & comb, c & comb, d & comb, first, to);
    }
    const bit = 1 << (first & 31);
    const word = (first & (step - 1)) >> 5;
    const word2 = step === 64 ? word + 2 : word;
    a = word === 0 ? a & bit : 0;
    b = word === 1 ? b & bit : 0;
    c = word2 === 2 ? c & bit : 0;
    d = word2 === 3 ? d & bit : 0;
    return this.#firstOf(set << setLg2, a, b, c, d, first, to);
  }

  /** The lowest bit of four words, `base` being their first slot, that lies in [first, to) and inside the boundary. */
  #firstOf(base: number, a: number, b: number, c: number, d: number, first: number, to: number): number {
    let slot = this.#firstOfWord(base, a, first, to);
    if (slot < 0) slot = this.#firstOfWord(base + 32, b, first, to);
    if (slot < 0) slot = this.#firstOfWord(base + 64, c, first, to);
    if (slot < 0) slot = this.#firstOfWord(base + 96, d, first, to);
    return slot;
  }

  #firstOfWord(base: number, bits: number, first: number, to: number): number {
    if (bits === 0 || base + 31 < first) return -1;
    let left = base < first ? bits & (-1 << (first - base)) : bits;
    while (left !== 0) {
      const slot = base + 31 - Math.clz32(left & -left);
      if (slot >= to) return -1;
      if (this.#insideBoundary(slot)) return slot;
      left &= left - 1;
    }
    return -1;
  }

  #insideBoundary(slot: number): boolean {
    const boundary = this.#boundary;
    return boundary === 0 || ((this.#phase + slot) & (boundary - 1)) + this.#count <= boundary;
  }
}
