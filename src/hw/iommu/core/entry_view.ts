/**
 * Device tables as a unit sees them: entries by the order in which they are asked for, from a cache or as they were fetched.
 * What is not there yet is noted, so that it can be fetched piece by piece, each piece an access of its own.
 */
import type { Mfn } from "../../../base/frame.js";
import type { MemoryView, ReadonlyWords } from "../../../mem/view.js";

export class EntryView implements MemoryView {
  /** The words of all entries so far, one behind the other. */
  words: Uint32Array = new Uint32Array(0);
  /** How many of them are there. */
  wordCount = 0;
  /** The entry that is missing: its address, and its words; 0 when all were there. */
  wantedAt = 0;
  wantedCount = 0;
  /** How many entries, and words of them, were asked for. */
  entryCount = 0;
  /** The entry that memory does not hold. */
  outsideAt = 0;
  #at = 0;
  readonly #memory: MemoryView;
  readonly #holds: (frame: number) => boolean;
  readonly #ends: number[] = [];

  /** @param holds whether memory has a frame: an entry beyond it cannot be fetched */
  constructor(memory: MemoryView, holds: (frame: number) => boolean) {
    this.#memory = memory;
    this.#holds = holds;
  }

  /** Begin a look-up. @param words of the entries that are there, `wordCount` of them */
  begin(words: Uint32Array, wordCount: number): this {
    this.words = words;
    this.wordCount = wordCount;
    this.wantedCount = 0;
    this.entryCount = 0;
    this.outsideAt = 0;
    this.#at = 0;
    this.#ends.length = 0;
    return this;
  }

  /** Words of the first `entries` entries. */
  wordsOf(entries: number): number {
    return this.#ends[Math.min(entries, this.#ends.length) - 1] ?? 0;
  }

  /** Pages of a second stage through which structures are found: hardware reads them as they are. */
  frame(m: Mfn): ReadonlyWords | undefined {
    return this.#memory.frame(m);
  }

  entry(address: number, wordCount: number): Uint32Array | undefined {
    const from = this.#at;
    if (from + wordCount > this.wordCount) {
      if (!this.#holds(Math.floor(address / 4096))) this.outsideAt = address;
      else if (this.wantedCount === 0) {
        this.wantedAt = address;
        this.wantedCount = wordCount;
      }
      return undefined;
    }
    this.#at += wordCount;
    this.entryCount++;
    this.#ends.push(this.#at);
    return this.words.slice(from, from + wordCount);
  }
}
