/**
 * The free slots of a pool, one bit each: bit s % 32 of word s / 32 is set while slot s is free.
 *
 * A slot set is four words. The kernel's `list` of a slot is a pure function of these bits, so it is computed here and
 * stored nowhere.
 */

import { setSlots } from "../../spec/swiotlb/sizes.js";

const setWordMask = setSlots / 32 - 1;

/** @returns words for `slots` slots, in whole slot sets. */
export const freeWords = (slots: number): number => Math.ceil(slots / setSlots) * (setSlots / 32);

/** Mark `slots` slots from the first free; bits past the end stay clear. */
export function freeAll(words: Int32Array, slots: number): void {
  words.fill(-1, 0, slots >>> 5);
  if ((slots & 31) !== 0) words[slots >>> 5] = ~(-1 << (slots & 31));
}

/** @returns free slots from `slot` to the end of its run or of its slot set; 0 when it is taken. */
export function runFrom(words: Int32Array, slot: number): number {
  let w = slot >> 5;
  const bit = slot & 31;
  const taken = ~words[w]! & (-1 << bit);
  if (taken !== 0) return 31 - Math.clz32(taken & -taken) - bit;
  let count = 32 - bit;
  for (w++; (w & setWordMask) !== 0; w++) {
    const more = ~words[w]!;
    if (more !== 0) return count + 31 - Math.clz32(more & -more);
    count += 32;
  }
  return count;
}

/** @returns free slots directly before `slot`, inside its slot set. */
export function runBefore(words: Int32Array, slot: number): number {
  const bit = slot & 31;
  if (bit === 0 && (slot & (setSlots - 1)) === 0) return 0;
  let w = slot >> 5;
  let count = 0;
  if (bit !== 0) {
    const taken = ~words[w]! & ~(-1 << bit);
    if (taken !== 0) return bit - 32 + Math.clz32(taken);
    count = bit;
  }
  while ((w & setWordMask) !== 0) {
    const taken = ~words[--w]!;
    if (taken !== 0) return count + Math.clz32(taken);
    count += 32;
  }
  return count;
}

/** Mark `count` slots from `first` taken. */
export function take(words: Int32Array, first: number, count: number): void {
  let w = first >> 5;
  const bit = first & 31;
  if (bit + count <= 32) {
    words[w]! &= ~((count === 32 ? -1 : (1 << count) - 1) << bit);
    return;
  }
  words[w++]! &= ~(-1 << bit);
  for (let left = bit + count - 32; left > 0; left -= 32) words[w++]! &= left >= 32 ? 0 : -1 << left;
}

/** Mark `count` slots from `first` free. */
export function give(words: Int32Array, first: number, count: number): void {
  let w = first >> 5;
  const bit = first & 31;
  if (bit + count <= 32) {
    words[w]! |= (count === 32 ? -1 : (1 << count) - 1) << bit;
    return;
  }
  words[w++]! |= -1 << bit;
  for (let left = bit + count - 32; left > 0; left -= 32) words[w++]! |= left >= 32 ? -1 : (1 << left) - 1;
}
