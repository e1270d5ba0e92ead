/** A cache's slots as declared state. Which entry gives way when all are used is a choice, never a hidden rule. */
import type { MachineState } from "../../../state/machine_state.js";
import { type CellArray, cells, record } from "../../../state/record.js";

export class Slots {
  readonly count: number;
  readonly width: number;
  readonly #words: CellArray;

  /** @param o.count slots @param o.width words of each; the first is 0 in an empty one, so words of entries begin with a bit */
  constructor(
    state: MachineState,
    o: { readonly name: string; readonly doc: string; readonly count: number; readonly width: number },
  ) {
    this.count = o.count;
    this.width = o.width;
    this.#words = state.place(record(o.name, { words: cells(o.count * o.width, o.doc) })).words;
  }

  isUsed(slot: number): boolean {
    return this.#words.get(slot * this.width) !== 0;
  }

  word(slot: number, n: number): number {
    return this.#words.get(slot * this.width + n);
  }

  set(slot: number, n: number, to: number): void {
    this.#words.set(slot * this.width + n, to);
  }

  /** In how many ways an entry can be put in: any may give way when none is free. */
  ways(): number {
    return this.#free() < 0 ? this.count : 1;
  }

  /** @param way 0 <= way < ways() */
  put(way: number, words: ArrayLike<number>): void {
    const free = this.#free();
    this.#words.copyFrom(words, (free < 0 ? way : free) * this.width);
  }

  copyTo(slot: number, words: Uint32Array): void {
    this.#words.copyTo(words, slot * this.width);
  }

  clear(slot: number): void {
    if (this.isUsed(slot)) for (let n = 0; n < this.width; n++) this.#words.set(slot * this.width + n, 0);
  }

  /** Forget what is asked for. @param is told of used slots only @returns how many were forgotten */
  clearWhere(is: (slot: number) => boolean): number {
    let count = 0;
    for (let slot = 0; slot < this.count; slot++) {
      if (!this.isUsed(slot) || !is(slot)) continue;
      this.clear(slot);
      count++;
    }
    return count;
  }

  #free(): number {
    for (let slot = 0; slot < this.count; slot++) if (!this.isUsed(slot)) return slot;
    return -1;
  }
}
