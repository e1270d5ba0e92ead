/** Cells as fields: for each declaration one class, whose getters read words and whose setters go through the one door. */

import { assert, Broken } from "../base/assert.js";
import { u64, u64High, u64Low } from "../base/u64.js";
import type { Part } from "./part.js";
import type { CellArray, Drafts, Elements, Live, Place, RecordType } from "./record.js";

/** Told of each access, where they are counted: a cell, or what memory's door is asked for at once. */
export type OnAccess = (part: Part, at: number, isWrite: boolean) => void;

type Made = new (part: Part, onAccess: OnAccess) => object;
interface Base {
  readonly part: Part;
  readonly onAccess: OnAccess;
  readonly arrays: Readonly<Record<string, CellArray>>;
}

/** One class a declaration, made when it is first placed: instances share their getters and stay quick. */
const plain = new WeakMap<RecordType, Made>();
const watched = new WeakMap<RecordType, Made>();

/** @param onAccess null: accesses are not watched, and a read costs nothing more than its word */
export function liveOf<D extends Drafts>(type: RecordType<D>, part: Part, onAccess: OnAccess | null): Live<D> {
  const book = onAccess === null ? plain : watched;
  let Class = book.get(type);
  if (Class === undefined) {
    Class = classOf(type, onAccess !== null);
    book.set(type, Class);
  }
  return new Class(part, onAccess ?? nobody) as Live<D>;
}

const nobody: OnAccess = () => undefined;

function classOf(type: RecordType, isWatched: boolean): Made {
  const arrays = type.places.filter((p) => p.kind === "cells");
  class Record implements Base {
    readonly part: Part;
    readonly onAccess: OnAccess;
    readonly arrays: Readonly<{ [name: string]: CellArray }>;
    constructor(part: Part, onAccess: OnAccess) {
      this.part = part;
      this.onAccess = onAccess;
      this.arrays = Object.fromEntries(
        arrays.map((p) => [p.name, new PartArray(part, p, isWatched ? onAccess : null)]),
      );
    }
  }
  for (const place of type.places) Object.defineProperty(Record.prototype, place.name, accessor(place, isWatched));
  return Record;
}

function accessor(place: Place, isWatched: boolean): PropertyDescriptor & ThisType<Base> {
  const { name, at, kind } = place;
  if (kind === "cells") {
    return {
      get() {
        return this.arrays[name];
      },
    };
  }
  if (kind === "cell") {
    if (!isWatched) {
      return {
        get() {
          return this.part.words[at];
        },
        set(to: number) {
          this.part.put(at, to);
        },
      };
    }
    return {
      get() {
        this.onAccess(this.part, at, false);
        return this.part.words[at];
      },
      set(to: number) {
        this.onAccess(this.part, at, true);
        this.part.put(at, to);
      },
    };
  }
  return {
    get() {
      if (isWatched) this.onAccess(this.part, at, false);
      return u64(this.part.words[at]!, this.part.words[at + 1]!);
    },
    set(to: number) {
      if (!(Number.isSafeInteger(to) && to >= 0)) throw new Broken(`${this.part.name}.${name} cannot hold ${to}`);
      if (isWatched) this.onAccess(this.part, at, true);
      this.part.put(at, u64Low(to));
      this.part.put(at + 1, u64High(to));
    },
  };
}

class PartArray implements CellArray {
  readonly length: number;
  readonly #part: Part;
  readonly #at: number;
  readonly #onAccess: OnAccess | null;
  readonly #elements: Elements | null;

  constructor(part: Part, place: Place, onAccess: OnAccess | null) {
    this.length = place.wordCount;
    this.#part = part;
    this.#at = place.at;
    this.#onAccess = onAccess;
    this.#elements = place.elements;
  }

  get(index: number): number {
    assert(index >= 0 && index < this.length, "an index lies inside its cells");
    if (this.#onAccess !== null) this.#tell(index, false);
    return this.#part.words[this.#at + index]!;
  }

  set(index: number, to: number): void {
    assert(index >= 0 && index < this.length, "an index lies inside its cells");
    if (this.#onAccess !== null) this.#tell(index, true);
    this.#part.put(this.#at + index, to);
  }
  #tell(index: number, isWrite: boolean): void {
    this.#onAccess!(
      this.#part,
      this.#at + (this.#elements === null ? index : this.#elements[index]!.countsAs),
      isWrite,
    );
  }

  copyTo(words: Uint32Array, index = 0): void {
    for (let i = 0; i < words.length && index + i < this.length; i++) words[i] = this.get(index + i);
  }

  copyFrom(words: ArrayLike<number>, index = 0): void {
    for (let i = 0; i < words.length; i++) this.set(index + i, words[i]!);
  }
}
