/**
 * A record for a hot path: its words are read and written in place, and each write is announced before it is made. While
 * nothing is noted that costs one question for several words; what is announced too little is found by going back.
 */
import type { Journal } from "./journal.js";
import type { Part } from "./part.js";
import type { Drafts, Place, RecordType } from "./record.js";

export class RawRecord<D extends Drafts = Drafts> {
  /** All words of the record, live, as signed numbers. What is written was announced by `about`. */
  readonly words: Int32Array;
  /** The first word of each cell. */
  readonly at: Readonly<Record<keyof D, number>>;
  readonly #places: readonly Place[];
  readonly #part: Part;
  readonly #journal: Journal;

  /** @param part all of whose words are the record's */
  constructor(type: RecordType<D>, part: Part, journal: Journal) {
    this.words = new Int32Array(part.words.buffer, part.words.byteOffset, part.wordCount);
    this.at = Object.fromEntries(type.places.map((p) => [p.name, p.at])) as Record<keyof D, number>;
    this.#places = type.places;
    this.#part = part;
    this.#journal = journal;
  }

  /** The words of one cell, or array of cells, live: `words` from `at` of it on. */
  of(cell: keyof D): Int32Array {
    const place = this.#places.find((p) => p.name === cell)!;
    return this.words.subarray(place.at, place.at + place.wordCount);
  }

  /** Are writes noted now? Where they are not, nothing need be announced. */
  get isNoted(): boolean {
    return this.#journal.isOn;
  }

  /** `count` words from `at` on are about to be written. */
  about(at: number, count: number): void {
    if (this.#journal.isOn) this.#note(at, count);
  }

  /** Told of each word that changed otherwise than by who holds the record: taken back, or put to a found state. */
  onPutBack(told: (at: number, before: number) => void): void {
    this.#part.onPutBack = told;
  }

  #note(at: number, count: number): void {
    const { words, number } = this.#part;
    for (let n = at; n < at + count; n++) this.#journal.note(number, n, words[n]!);
  }
}
