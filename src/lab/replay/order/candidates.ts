/** Which of the operations that wait may come next: those that none other that waits was over before. */
import type { Mappings } from "../contracts/mappings.js";
import { beginOf, isEnd, mappingOf, none } from "../contracts/operation.js";
import type { Queue } from "./queue.js";
import { candidatesMax, type Step } from "./step.js";

/** Clocks of two CPUs, and rounding to microseconds, may be this far apart. */
export const clockSlack = 2;

export class Candidates {
  readonly #maps: Mappings;
  readonly #queue: Queue;
  readonly #found = new Int32Array(candidatesMax);

  constructor(maps: Mappings, queue: Queue) {
    this.#maps = maps;
    this.#queue = queue;
  }

  /** Put the operations that may come next into a step, likeliest first; the first that waits where none may. */
  into(step: Step): void {
    const { lo } = this.#maps;
    const found = this.#found;
    const count = this.#look();
    const soonest = this.#soonest(count);
    let ready = 0;
    for (let k = 0; k < count; k++) {
      const op = found[k]!;
      if (lo[op]! <= soonest + clockSlack && this.#isFirst(op, count)) this.#insert(step, ready++, op);
    }
    if (ready === 0 && count > 0) step.candidates[ready++] = found[0]!;
    step.candidateCount = ready;
    step.next = 0;
  }

  /** The candidate that is over first. */
  due(step: Step): number {
    const { hi } = this.#maps;
    let due = step.candidates[0]!;
    for (let k = 1; k < step.candidateCount; k++) if (hi[step.candidates[k]!]! < hi[due]!) due = step.candidates[k]!;
    return due;
  }

  /** Whether something that may have come before the first has an outcome that the recording has yet to show. */
  unknownBefore(first: number): boolean {
    const { lo, hi, done } = this.#maps;
    const queue = this.#queue;
    let soonest = hi[first]!;
    for (let k = queue.first; k < queue.end; k++) {
      const op = queue.at(k);
      if (lo[op]! > soonest + clockSlack) return false;
      if (done[op] === 1) continue;
      if (!this.#maps.isSettled(op)) return true;
      if (hi[op]! < soonest) soonest = hi[op]!;
    }
    return false;
  }

  /** Operations that began before any that waits is over. @returns how many were found */
  #look(): number {
    const { lo, hi, done } = this.#maps;
    const queue = this.#queue,
      found = this.#found;
    let count = 0;
    let soonest = Number.POSITIVE_INFINITY;
    for (let k = queue.first; k < queue.end && count < candidatesMax; k++) {
      const op = queue.at(k);
      if (done[op] === 1) continue;
      if (lo[op]! > soonest + clockSlack || !this.#maps.isSettled(op)) break;
      found[count++] = op;
      if (hi[op]! < soonest) soonest = hi[op]!;
    }
    return count;
  }

  #soonest(count: number): number {
    const { hi } = this.#maps;
    let soonest = Number.POSITIVE_INFINITY;
    for (let k = 0; k < count; k++) if (hi[this.#found[k]!]! < soonest) soonest = hi[this.#found[k]!]!;
    return soonest;
  }

  #isFirst(op: number, count: number): boolean {
    for (let k = 0; k < count; k++) if (this.#precedes(this.#found[k]!, op)) return false;
    return true;
  }

  /** p was over before q began; a mapping before its own end, whatever the clocks of two CPUs say. */
  #precedes(p: number, q: number): boolean {
    if (p === q) return false;
    const { previous, done, on, lo, hi, loEvent, hiEvent } = this.#maps;
    if ((isEnd(q) && p === beginOf(mappingOf(q))) || previous[q] === p) return true;
    // Entries of one list are released in order: only the first of those that wait is compared.
    if (previous[p] !== none && done[previous[p]!] === 0) return false;
    if (on[p] === on[q]) return hiEvent[p]! >= 0 && hiEvent[p]! <= loEvent[q]!;
    return hi[p]! + clockSlack < lo[q]!;
  }

  /** Sorted by when each most likely happened, as an event stands before another. */
  #insert({ candidates }: Step, count: number, op: number): void {
    const { at, loEvent } = this.#maps;
    let k = count;
    for (; k > 0; k--) {
      const before = candidates[k - 1]!;
      if (at[before]! < at[op]! || (at[before] === at[op] && loEvent[before]! <= loEvent[op]!)) break;
      candidates[k] = before;
    }
    candidates[k] = op;
  }
}
