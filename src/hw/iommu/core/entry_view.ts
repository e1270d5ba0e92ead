/**
 * Device tables as a unit sees them: entries by the order in which they are asked for, from a cache or as they were fetched.
 * What is not there yet is noted, so that it can be fetched piece by piece, each piece an access of its own.
 */
import type { Mfn } from "../../../base/frame.js";
import type { MemoryView, ReadonlyWords } from "../../../mem/view.js";

/** What a look-up did to a view. */
export type Looked = Pick<EntryView, "wantedAt" | "wantedCount" | "entryCount" | "outsideAt"> & {
  readonly ends: readonly number[];
};

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
  /** Pages were read besides the entries, once at least: who reads tables remembers frames and may not ask again. */
  readPages = false;
  #at = 0;
  #ends: readonly number[] = [];
  readonly #memory: MemoryView;
  readonly #holds: (frame: number) => boolean;

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
    this.#ends = [];
    return this;
  }

  /** What the look-up that has ended did. */
  asLooked(): Looked {
    const { wantedAt, wantedCount, entryCount, outsideAt } = this;
    return { wantedAt, wantedCount, entryCount, outsideAt, ends: this.#ends };
  }

  /** As after a look-up that did this. */
  looked(l: Looked): void {
    this.wantedAt = l.wantedAt;
    this.wantedCount = l.wantedCount;
    this.entryCount = l.entryCount;
    this.outsideAt = l.outsideAt;
    this.#ends = l.ends;
  }

  /** Words of the first `entries` entries. */
  wordsOf(entries: number): number {
    return this.#ends[Math.min(entries, this.#ends.length) - 1] ?? 0;
  }

  /** Pages of a second stage through which structures are found: hardware reads them as they are. */
  frame(m: Mfn): ReadonlyWords | undefined {
    this.readPages = true;
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
    this.#ends = [...this.#ends, this.#at];
    return this.words.slice(from, from + wordCount);
  }
}
