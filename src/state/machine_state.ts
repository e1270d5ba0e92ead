/**
 * All state of a machine that a later step can read: declared records, and the lines of memory that were written.
 *
 * Records are placed while the machine is built. From `begin` on each write is noted, so that it can be taken back and so
 * that an explorer knows what a step changed. A line of memory (64 bytes, the most that hardware fetches at once) becomes a
 * part of the state when it is first written; until then it is the start image and costs nothing.
 */

import { assert, Misuse } from "../base/assert.js";
import { u64, u64High } from "../base/u64.js";
import { Journal, type Mark } from "./journal.js";
import { liveOf, type OnAccess } from "./live.js";
import { Part } from "./part.js";
import { RawRecord } from "./raw.js";
import type { Drafts, Live, RecordType } from "./record.js";

/** Words of a line, and lines of a frame of 4 KiB. */
export const lineWords = 16;
const linesPerFrame = 64;

/** One word of the state, with the words that its declaration has for it. */
export interface Described {
  readonly part: string;
  readonly cell: string;
  readonly value: number;
  readonly doc: string;
}

/** One cell that a step changed. */
export interface Changed {
  readonly part: string;
  readonly cell: string;
  readonly from: number;
  readonly to: number;
}

export class MachineState {
  readonly #journal = new Journal();
  readonly #parts: Part[] = [];
  readonly #types: RecordType[] = [];
  /** Number of the part of each line, by frame; 0 in a cell is "not yet written", else the part's number plus one. */
  readonly #lines = new Map<number, Uint32Array>();
  readonly #lineOf = new Map<number, number>();
  readonly #onAccess: OnAccess | null;
  #begun = false;

  /** @param o.onAccess told of each access to a cell or a line; left out, none is watched */
  constructor(o: { readonly onAccess?: OnAccess } = {}) {
    this.#onAccess = o.onAccess ?? null;
  }

  /** Records first, then lines of memory in the order in which they were first written. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** How many of the parts are records. */
  get recordCount(): number {
    return this.#types.length;
  }

  /**
   * Give a component its state, with every cell at its start.
   * @param name where a machine has several of a kind: "disk 2"
   * @throws Misuse `state-begun` once the machine runs.
   */
  place<D extends Drafts>(type: RecordType<D>, name = type.name): Live<D> {
    return liveOf(type, this.#placed(type, name), this.#onAccess);
  }

  /** The same for a hot path. What is read of it is not told to who watches accesses. @throws Misuse as `place` does. */
  placeRaw<D extends Drafts>(type: RecordType<D>, name = type.name): RawRecord<D> {
    return new RawRecord(type, this.#placed(type, name), this.#journal);
  }

  #placed(type: RecordType, name: string): Part {
    if (this.#begun) throw new Misuse("state-begun", `${name} is placed after the machine began to run`);
    const words = new Uint32Array(type.wordCount);
    for (const p of type.places) {
      words[p.at] = p.start >>> 0;
      if (p.kind === "wide") words[p.at + 1] = u64High(p.start);
    }
    const { wordCount } = type;
    const part = this.#add({ name, isLine: false, words, from: 0, wordCount });
    this.#types.push(type);
    return part;
  }

  /** What stands now is the start state; writes are noted from here on. */
  begin(): void {
    for (const part of this.#parts) part.start = part.copy();
    this.#begun = true;
    this.#journal.isOn = true;
  }

  /** False while a machine only runs: then writes are not noted. */
  get isNoting(): boolean {
    return this.#journal.isOn;
  }

  /** @throws Broken before `begin`. */
  mark(): Mark {
    return this.#journal.mark();
  }

  /** Take back all that was written since a mark, the last write first. @throws Broken when that was settled. */
  undoTo(mark: Mark): void {
    const journal = this.#journal;
    journal.check(mark);
    while (journal.length > mark) {
      const n = journal.pop();
      this.#parts[journal.partAt(n)]!.putBack(journal.placeAt(n), journal.beforeAt(n));
    }
  }

  /** Forget how to take back what was written before a mark; all so far when it is left out. Later marks stay good. */
  settle(mark: Mark = this.#journal.mark()): void {
    this.#journal.settle(mark);
  }

  /** Numbers of the parts that were written since a mark, each once. @param into is emptied first */
  writtenSince(mark: Mark, into: number[]): void {
    into.length = 0;
    for (let n = mark as number; n < this.#journal.length; n++) {
      const part = this.#journal.partAt(n);
      if (!into.includes(part)) into.push(part);
    }
  }

  /**
   * Memory's way to change a word while writes are noted.
   * @param words of the frame; @param at index of the word in them
   */
  store(frame: number, words: Uint32Array, at: number, to: number): void {
    const part = this.#linePart(frame, words, at);
    part.put(at - part.from, to);
  }

  /** Are accesses watched, now that the machine runs? Then memory tells of each word that is read of a frame, too. */
  get isWatched(): boolean {
    return this.#onAccess !== null && this.#begun;
  }

  /** Memory's way to tell of one access, of whatever width; asked only where accesses are watched. */
  accessed(frame: number, words: Uint32Array, at: number, isWrite: boolean): void {
    if (this.#onAccess !== null && this.#begun)
      this.#onAccess(this.#linePart(frame, words, at), at % lineWords, isWrite);
  }

  /** Every cell of every record, and every word of the written lines that is not zero. */
  describe(): readonly Described[] {
    const all: Described[] = [];
    for (const part of this.#parts) {
      for (let at = 0; at < part.wordCount; at++) {
        const told = this.#told(part, at);
        const value = this.#valueAt(part, at);
        if (told !== null && (part.number < this.recordCount || value !== 0)) {
          all.push({ part: told.part, cell: told.cell, value, doc: told.doc });
        }
      }
    }
    return all;
  }

  /** The cells that hold something else than they did at a mark, in the order in which they were written. */
  changedSince(mark: Mark): readonly Changed[] {
    const before = new Map<string, { readonly part: Part; readonly at: number; readonly was: number }>();
    for (let n = mark as number; n < this.#journal.length; n++) {
      const part = this.#parts[this.#journal.partAt(n)]!;
      const at = this.#journal.placeAt(n) - part.from;
      const key = `${part.number}:${at}`;
      if (!before.has(key)) before.set(key, { part, at, was: this.#journal.beforeAt(n) });
    }
    const changed: Changed[] = [];
    for (const { part, at, was } of before.values()) {
      const to = part.words[part.from + at]!;
      if (to === was) continue;
      const { name, cell } = this.#nameOf(part, at);
      changed.push({ part: name, cell, from: was, to });
    }
    return changed;
  }

  /** @returns this machine's part for a line of memory of another one; null when it was not written here. */
  sameLine(part: Part, of: MachineState): Part | null {
    const line = of.#lineOf.get(part.number);
    if (line === undefined) return null;
    const number = this.#lines.get(Math.floor(line / linesPerFrame))?.[line % linesPerFrame] ?? 0;
    return number === 0 ? null : this.#parts[number - 1]!;
  }

  #linePart(frame: number, words: Uint32Array, at: number): Part {
    assert(this.#begun, "lines of memory are noted after begin");
    let lines = this.#lines.get(frame);
    if (lines === undefined) {
      lines = new Uint32Array(linesPerFrame);
      this.#lines.set(frame, lines);
    }
    const line = Math.floor(at / lineWords);
    if (lines[line] === 0) {
      const number = this.#parts.length;
      const name = `memory 0x${(frame * 4096 + line * 64).toString(16)}`;
      const from = line * lineWords;
      this.#add({ name, isLine: true, words, from, wordCount: lineWords });
      this.#lineOf.set(number, frame * linesPerFrame + line);
      lines[line] = number + 1;
    }
    return this.#parts[lines[line]! - 1]!;
  }

  #add(o: Omit<ConstructorParameters<typeof Part>[0], "number" | "journal">): Part {
    const part = new Part({ ...o, number: this.#parts.length, journal: this.#journal });
    this.#parts.push(part);
    return part;
  }

  #valueAt(part: Part, at: number): number {
    const place = this.#placeOf(part, at);
    const low = part.words[part.from + at]!;
    return place?.kind === "wide" ? u64(low, part.words[part.from + at + 1]!) : low;
  }

  #placeOf(part: Part, at: number): RecordType["places"][number] | undefined {
    return this.#types[part.number]?.places.find((p) => at >= p.at && at < p.at + p.wordCount);
  }

  /** @returns null for the second word of a wide cell. */
  #told(part: Part, at: number): { readonly part: string; readonly cell: string; readonly doc: string } | null {
    const place = this.#placeOf(part, at);
    if (place?.kind === "wide" && at !== place.at) return null;
    const { name, cell } = this.#nameOf(part, at);
    const element = place?.elements?.[at - place.at];
    return { part: name, cell, doc: element?.doc ?? place?.doc ?? "a word of memory" };
  }

  #nameOf(part: Part, at: number): { readonly name: string; readonly cell: string } {
    const line = this.#lineOf.get(part.number);
    if (line !== undefined) return { name: "memory", cell: `0x${(line * 64 + at * 4).toString(16)}` };
    const place = this.#placeOf(part, at)!;
    const element = place.elements?.[at - place.at];
    if (element !== undefined) return { name: part.name, cell: element.name };
    const cell = place.kind === "cells" ? `${place.name}[${at - place.at}]` : place.name;
    return { name: part.name, cell: place.kind === "wide" && at !== place.at ? `${cell} (high)` : cell };
  }
}
