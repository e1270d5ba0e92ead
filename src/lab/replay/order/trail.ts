/** The steps that may still be undone, the oldest first: objects that are used again, so that a step allocates nothing. */
import { Step } from "./step.js";

export class Trail {
  /** A ring of a power of two. */
  #steps: Step[] = Array.from({ length: 256 }, () => new Step());
  #first = 0;
  length = 0;

  /** @param k 0 is the oldest; `length` is the one that comes next, not yet part of the trail */
  at(k: number): Step {
    return this.#steps[(this.#first + k) & (this.#steps.length - 1)]!;
  }

  /** The step that comes next, to be filled in before it is `add`ed. */
  get next(): Step {
    if (this.length === this.#steps.length - 1) this.#grow();
    return this.at(this.length);
  }

  add(): void {
    this.length++;
  }

  /** The newest step is taken off; until the next one is asked for it holds what it held. */
  pop(): Step {
    return this.at(--this.length);
  }

  /** The oldest steps can no longer be undone. */
  shift(count: number): void {
    this.#first = (this.#first + count) & (this.#steps.length - 1);
    this.length -= count;
  }

  #grow(): void {
    const inOrder = Array.from({ length: this.length }, (_, k) => this.at(k));
    const more = Array.from({ length: 2 * this.#steps.length - this.length }, () => new Step());
    this.#steps = [...inOrder, ...more];
    this.#first = 0;
  }
}
