/** Memory in one piece, in words that the caller keeps: what a table is built in where no machine stands around it. */
import { Misuse } from "../base/assert.js";
import type { Mfn } from "../base/frame.js";
import { putRun } from "./put_run.js";
import type { MemorySegment, MemoryView, ReadonlyWords } from "./view.js";

const wordsPerFrame = 1024;

export class FlatMemory implements MemoryView {
  readonly #words: Uint32Array;
  readonly #segment: MemorySegment;
  readonly #firstWord: number;

  /** @param words whole frames, the first of them frame `first` */
  constructor(words: Uint32Array, first = 0) {
    this.#words = words;
    this.#firstWord = first * wordsPerFrame;
    this.#segment = { first: first as Mfn, frameCount: Math.floor(words.length / wordsPerFrame), words };
  }

  frame(m: Mfn): ReadonlyWords | undefined {
    const { first, words } = this.#segment;
    return this.#holds(m) ? words.subarray((m - first) * wordsPerFrame, (m - first + 1) * wordsPerFrame) : undefined;
  }

  segment(m: Mfn): MemorySegment | undefined {
    return this.#holds(m) ? this.#segment : undefined;
  }

  /** One store of 64 bits, as two words. @param address a multiple of 8 @throws Misuse `outside-memory`. */
  store64(address: number, low: number, high: number): void {
    const at = address / 4 - this.#firstWord;
    if (!(at >= 0 && at < this.#words.length)) throw new Misuse("outside-memory", `two words at ${address}`);
    this.#words[at] = low;
    this.#words[at + 1] = high;
  }

  /** `count` stores of 64 bits, each lower word by `step` greater than the one before. @throws Misuse `outside-memory`. */
  storeRun64(address: number, count: number, low: number, high: number, step: number): void {
    const at = address / 4 - this.#firstWord;
    const end = at + count * 2;
    if (!(at >= 0 && end <= this.#words.length)) throw new Misuse("outside-memory", `${count * 2} words at ${address}`);
    putRun(this.#words, at, end, low, high, step);
  }

  #holds(m: Mfn): boolean {
    const { first, frameCount } = this.#segment;
    return m >= first && m < first + frameCount;
  }
}
