/**
 * What was there before each write, so that writes can be taken back. It is on only while something explores or undoes: a
 * run pays one question a write.
 */
import { assert } from "../base/assert.js";

declare const mark: unique symbol;
/** A moment to go back to. */
export type Mark = number & { readonly [mark]: true };

export class Journal {
  isOn = false;
  #parts = new Uint32Array(1024);
  #places = new Uint32Array(1024);
  #before = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  note(part: number, place: number, before: number): void {
    const n = this.#length++;
    if (n === this.#parts.length) this.#grow();
    this.#parts[n] = part;
    this.#places[n] = place;
    this.#before[n] = before;
  }

  mark(): Mark {
    assert(this.isOn, "a mark is taken while the journal is on");
    return this.#length as Mark;
  }

  /** The part that the entry at `index` is of. */
  partAt(index: number): number {
    return this.#parts[index]!;
  }

  placeAt(index: number): number {
    return this.#places[index]!;
  }

  beforeAt(index: number): number {
    return this.#before[index]!;
  }

  /** Take back what was written since `to`, the last write first. @param wordsOf the words that a part lies in */
  undoTo(to: Mark, wordsOf: (part: number) => Uint32Array): void {
    assert(to <= this.#length, "a mark is no later than what was written");
    while (this.#length > to) {
      const n = --this.#length;
      wordsOf(this.#parts[n]!)[this.#places[n]!] = this.#before[n]!;
    }
  }

  /** Forget what was noted: it stays as it is. */
  clear(): void {
    this.#length = 0;
  }

  #grow(): void {
    const count = this.#parts.length * 2;
    const larger = (from: Uint32Array): Uint32Array<ArrayBuffer> => {
      const to = new Uint32Array(count);
      to.set(from);
      return to;
    };
    this.#parts = larger(this.#parts);
    this.#places = larger(this.#places);
    this.#before = larger(this.#before);
  }
}
