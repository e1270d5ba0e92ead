/**
 * What was there before each write, so that writes can be taken back. It is on only while something explores or undoes: a
 * run pays one question a write.
 *
 * Writes are counted for ever; those that were settled can no longer be taken back, and their places are used again.
 */
import { assert } from "../base/assert.js";

declare const mark: unique symbol;
/** A moment to go back to: marks nest, and an earlier one stays good when one goes back to a later one. */
export type Mark = number & { readonly [mark]: true };

/** Words of an entry: the part, the place in its words, what stood there. */
const entryWords = 3;
const capacityMin = 256;

export class Journal {
  isOn = false;
  /** A ring of entries; none until the first is noted. */
  #entries = new Uint32Array(0);
  /** Entries that the ring holds, less one; a power of two less one. */
  #mask = -1;
  #settled = 0;
  #length = 0;

  /** Writes that were noted and not taken back, since the beginning. */
  get length(): number {
    return this.#length;
  }

  note(part: number, place: number, before: number): void {
    if (this.#length - this.#settled > this.#mask) this.#grow();
    const at = (this.#length++ & this.#mask) * entryWords;
    const entries = this.#entries;
    entries[at] = part;
    entries[at + 1] = place;
    entries[at + 2] = before;
  }

  mark(): Mark {
    assert(this.isOn, "a mark is taken while the journal is on");
    return this.#length as Mark;
  }

  /** The part that an entry is of. @param index from a mark on, below `length` */
  partAt(index: number): number {
    return this.#entries[(index & this.#mask) * entryWords]!;
  }

  placeAt(index: number): number {
    return this.#entries[(index & this.#mask) * entryWords + 1]!;
  }

  beforeAt(index: number): number {
    return this.#entries[(index & this.#mask) * entryWords + 2]!;
  }

  /** Forget the last entry. @returns its index, at which it can be read until the next is noted. */
  pop(): number {
    return --this.#length;
  }

  /** @throws Broken when what was written since is settled, or was taken back. */
  check(to: Mark): void {
    assert(to >= this.#settled && to <= this.#length, "a mark is of a moment that can be gone back to");
  }

  /** Forget what was noted before a mark: it stays as it is. */
  settle(to: Mark): void {
    this.check(to);
    this.#settled = to;
  }

  #grow(): void {
    const count = Math.max(capacityMin, (this.#mask + 1) * 2);
    const entries = new Uint32Array(count * entryWords);
    for (let n = this.#settled; n < this.#length; n++) {
      const from = (n & this.#mask) * entryWords;
      entries.set(this.#entries.subarray(from, from + entryWords), (n & (count - 1)) * entryWords);
    }
    this.#entries = entries;
    this.#mask = count - 1;
  }
}
