/** Small numbers for mappings, used again: late enough that nobody behind the joiner still means the old one. */

/** A number is used again only after this many others: more than the ordering ever holds. */
const heldBack = 32768;

export class OperationIds {
  /** Numbers that may be used again, oldest first, and how many of them were. */
  readonly #free: number[] = [];
  #taken = 0;
  #next = 0;

  take(): number {
    if (this.#free.length - this.#taken <= heldBack) return this.#next++;
    const id = this.#free[this.#taken++]!;
    if (this.#taken > heldBack) {
      this.#free.splice(0, this.#taken);
      this.#taken = 0;
    }
    return id;
  }

  /** Mappings that never got a number have a negative one. */
  give(id: number): void {
    if (id >= 0) this.#free.push(id);
  }
}
