/** Operations that wait for their turn, nearly in the order of their first possible moment. */
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";

/** Places given up at once. */
const givenUpFrom = 4096;

export class Queue {
  readonly #maps: Mappings;
  #ops = new Int32Array(2 * givenUpFrom);
  /** The first that waits, and the place after the last. Before the first all are done. */
  first = 0;
  end = 0;

  constructor(maps: Mappings) {
    this.#maps = maps;
  }

  get length(): number {
    return this.end - this.first;
  }

  at(k: number): number {
    return this.#ops[k]!;
  }

  /** A release may come later than what it happened before. */
  push(op: number): void {
    if (this.end === this.#ops.length) this.#ops = longer(this.#ops);
    const { lo } = this.#maps;
    const ops = this.#ops;
    let k = this.end++;
    for (; k > this.first && lo[ops[k - 1]!]! > lo[op]!; k--) ops[k] = ops[k - 1]!;
    ops[k] = op;
  }

  /** The operation was carried out. */
  take(op: number): void {
    const { done } = this.#maps;
    done[op] = 1;
    while (this.first < this.end && done[this.#ops[this.first]!] === 1) this.first++;
  }

  /** It was undone. @param first where the queue began before it was taken */
  untake(op: number, first: number): void {
    this.#maps.done[op] = 0;
    this.first = first;
  }

  /**
   * What lies before `from` was reported.
   * @returns by how much every place that is still meant moves towards the beginning
   */
  giveUp(from: number): number {
    if (from < givenUpFrom) return 0;
    for (let k = 0; k < from; k++) this.#maps.reported(this.#ops[k]!);
    this.#ops.copyWithin(0, from, this.end);
    this.first -= from;
    this.end -= from;
    return from;
  }
}
