/** One part of a machine's state: the words of a record, or a line of memory. */
import { Broken } from "../base/assert.js";
import type { Journal } from "./journal.js";

const notBegun = new Uint32Array(0);

export class Part {
  readonly name: string;
  /** The part's number: its place in a state's row. */
  readonly number: number;
  /** True for a line of memory, false for a record. */
  readonly isLine: boolean;
  /** Where the words lie, and the first of them: a line of memory is in the midst of its frame. */
  readonly words: Uint32Array;
  readonly from: number;
  readonly wordCount: number;
  /** What stood here at the start: of a record when the machine began (none before), of a line before its first write. */
  start: Uint32Array;
  /** Told of each word that is put back, with what stood there: for what was derived from the words. */
  onPutBack: ((at: number, before: number) => void) | null = null;
  readonly #journal: Journal;

  constructor(o: {
    readonly name: string;
    readonly number: number;
    readonly isLine: boolean;
    readonly words: Uint32Array;
    readonly from: number;
    readonly wordCount: number;
    readonly journal: Journal;
  }) {
    this.name = o.name;
    this.number = o.number;
    this.isLine = o.isLine;
    this.words = o.words;
    this.from = o.from;
    this.wordCount = o.wordCount;
    this.#journal = o.journal;
    this.start = o.isLine ? this.copy() : notBegun;
  }

  /** The words as they stand. */
  copy(): Uint32Array {
    return this.words.slice(this.from, this.from + this.wordCount);
  }

  /** Change one word. @param at 0 <= at < wordCount @throws Broken for what 32 bits do not hold. */
  put(at: number, to: number): void {
    if (to >>> 0 !== to) misfit(this.name, at, to);
    const place = this.from + at;
    const before = this.words[place]!;
    if (before === to) return;
    if (this.#journal.isOn) this.#journal.note(this.number, place, before);
    this.words[place] = to;
  }

  /** Let a word be what it was at another time. @param place index into `words` */
  putBack(place: number, to: number): void {
    const before = this.words[place]!;
    this.words[place] = to;
    if (this.onPutBack !== null && before !== to) this.onPutBack(place - this.from, before);
  }
}

function misfit(name: string, at: number, to: number): never {
  throw new Broken(`${name}: word ${at} cannot hold ${to}`);
}
