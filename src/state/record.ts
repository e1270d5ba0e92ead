/**
 * Declared state: a record names every cell that may change, and what is declared is all there is.
 *
 * A cell holds 32 bits, a wide cell a whole number to 2^53 (a frame, an address), cells an array. The declaration is also
 * what prints the state: see `MachineState.describe`.
 */
import { assert } from "../base/assert.js";

declare const value: unique symbol;

/** One cell of 32 bits; `V` is the type of what it holds: a plain number, a boolean as 0 | 1, a small enumeration. */
export interface Cell<V extends number = number> {
  readonly kind: "cell";
  readonly doc: string;
  readonly start: V;
  readonly [value]?: V;
}

/** A whole number below 2^53 in two words. */
export interface Wide<V extends number = number> {
  readonly kind: "wide";
  readonly doc: string;
  readonly start: V;
  readonly [value]?: V;
}

/** An array of cells of 32 bits, all zero at the start. */
export interface Cells {
  readonly kind: "cells";
  readonly doc: string;
  readonly count: number;
  readonly elements: Elements | null;
}

/** What is said of each cell of an array, where they are no array to who reads it. */
export type Elements = readonly {
  readonly name: string;
  readonly doc: string;
  /** The cell that stands for it where accesses are counted: both words of a register are one. */
  readonly countsAs: number;
}[];

export type Drafts = Readonly<Record<string, Cell | Wide | Cells>>;

/** @param start what it holds before anything happened: 0 to 2^32 - 1 */
export function cell<V extends number = number>(doc: string, start: NoInfer<V> = 0 as NoInfer<V>): Cell<V> {
  assert(start >>> 0 === start, `${doc}: a cell holds 32 bits`);
  return { kind: "cell", doc, start };
}

/** @param start what it holds before anything happened: 0 to 2^53 - 1 */
export function wide<V extends number = number>(doc: string, start: NoInfer<V> = 0 as NoInfer<V>): Wide<V> {
  assert(Number.isSafeInteger(start) && start >= 0, `${doc}: a wide cell holds 53 bits`);
  return { kind: "wide", doc, start };
}

/** @param count how many; at least one @param elements what each of them is called; left out, its index */
export function cells(count: number, doc: string, elements: Elements | null = null): Cells {
  assert(Number.isSafeInteger(count) && count > 0, `${doc}: a whole number of cells`);
  assert(elements === null || elements.length === count, `${doc}: each cell has its name`);
  return { kind: "cells", doc, count, elements };
}

/** Cells of an array, by index. */
export interface CellArray {
  readonly length: number;
  /** @throws Broken beyond the array. */
  get(index: number): number;
  /** @throws Broken beyond the array, and for what 32 bits do not hold. */
  set(index: number, to: number): void;
  /** All of `words`, or as many as there are, from `index` on: a descriptor as it was fetched, an entry of a cache. */
  copyTo(words: Uint32Array, index?: number): void;
  /** @throws Broken beyond the array. */
  copyFrom(words: ArrayLike<number>, index?: number): void;
}

/** A record's cells as they stand: read and written like fields. */
export type Live<D extends Drafts> = {
  -readonly [K in keyof D]: D[K] extends Cell<infer V> ? V : D[K] extends Wide<infer V> ? V : CellArray;
};

/** One declared cell: where it lies in its record. */
export interface Place {
  readonly name: string;
  readonly kind: "cell" | "wide" | "cells";
  readonly doc: string;
  /** First word, and how many there are. */
  readonly at: number;
  readonly wordCount: number;
  readonly start: number;
  readonly elements: Elements | null;
}

export interface RecordType<D extends Drafts = Drafts> {
  readonly name: string;
  readonly wordCount: number;
  readonly places: readonly Place[];
  readonly drafts: D;
}

/** Declare a record. @param name what `describe` calls it: "VT-d invalidation queue" */
export function record<const D extends Drafts>(name: string, drafts: D): RecordType<D> {
  const places: Place[] = [];
  let at = 0;
  for (const [key, d] of Object.entries(drafts)) {
    const wordCount = d.kind === "cell" ? 1 : d.kind === "wide" ? 2 : d.count;
    const [start, elements] = d.kind === "cells" ? [0, d.elements] : [d.start, null];
    places.push({ name: key, kind: d.kind, doc: d.doc, at, wordCount, start, elements });
    at += wordCount;
  }
  assert(at > 0, `${name}: a record has cells`);
  return Object.freeze({ name, wordCount: at, places, drafts });
}
