/** Every content that one part of the state was found with, each kept once and known by its number. Compared word by word. */
import type { Part } from "../state/part.js";

export class Contents {
  readonly #wordCount: number;
  #words: Uint32Array;
  /** Number of a content plus one, by hash; 0 is empty. A power of two of them. */
  #slots = new Int32Array(8);
  #count = 0;

  /** @param start the start image: content 0 */
  constructor(start: Uint32Array) {
    this.#wordCount = start.length;
    this.#words = new Uint32Array(start.length * 4);
    this.numberOf(start, 0);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#words.byteLength + this.#slots.byteLength;
  }

  /** @returns the number of the content that stands at `words[from]`; a new one when it was not seen before. */
  numberOf(words: Uint32Array, from: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(words, from) & mask;
    for (;;) {
      const number = this.#slots[slot]! - 1;
      if (number < 0) break;
      if (this.#isAt(number, words, from)) return number;
      slot = (slot + 1) & mask;
    }
    return this.#add(words, from, slot);
  }

  /** Put a content where the part lies. */
  copyTo(number: number, part: Part): void {
    const at = number * this.#wordCount;
    const { words, from } = part;
    if (part.onPutBack !== null) for (let i = 0; i < this.#wordCount; i++) part.putBack(from + i, this.#words[at + i]!);
    else for (let i = 0; i < this.#wordCount; i++) words[from + i] = this.#words[at + i]!;
  }

  #isAt(number: number, words: Uint32Array, from: number): boolean {
    const at = number * this.#wordCount;
    for (let i = 0; i < this.#wordCount; i++) if (this.#words[at + i] !== words[from + i]) return false;
    return true;
  }

  #add(words: Uint32Array, from: number, slot: number): number {
    const number = this.#count++;
    if (this.#count * this.#wordCount > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    const at = number * this.#wordCount;
    for (let i = 0; i < this.#wordCount; i++) this.#words[at + i] = words[from + i]!;
    this.#slots[slot] = number + 1;
    if (this.#count * 2 > this.#slots.length) this.#spread();
    return number;
  }

  #spread(): void {
    const slots = new Int32Array(this.#slots.length * 4);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let slot = this.#hash(this.#words, number * this.#wordCount) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }

  #hash(words: Uint32Array, from: number): number {
    let sum = 0;
    for (let i = 0; i < this.#wordCount; i++) {
      sum = Math.imul(sum ^ words[from + i]!, 0x9e3779b1);
      sum ^= sum >>> 15;
    }
    return Math.imul(sum, 0x85ebca6b) >>> 7;
  }
}
