/**
 * Lanes for slices that overlap: on one track slices may only nest, and mappings of a device end in any order.
 *
 * Each slice takes the lane whose last slice ends latest but not after it begins. For slices that come in order of
 * their beginning, and for slices that come in order of their end, that uses the fewest lanes that there can be.
 */

/** A device with more mappings at once than this has the others left out. */
export const lanesMax = 4096;

export class Lanes {
  /** Ends of the lanes' last slices in ascending order, and which lane each belongs to. */
  readonly #ends = new Float64Array(lanesMax);
  readonly #lane = new Uint16Array(lanesMax);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns the lane for a slice, `count` before the call for a new one, -1 when all are taken. */
  place(start: number, end: number): number {
    const at = this.#after(start) - 1;
    if (at < 0) {
      if (this.#count === lanesMax) return -1;
      this.#count++;
      this.#move(this.#count - 1, end, this.#count - 1);
      return this.#count - 1;
    }
    const lane = this.#lane[at]!;
    this.#move(at, end, lane);
    return lane;
  }

  /** How many lanes end at or before `time`. */
  #after(time: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Take the entry at `from` out and put it where its new end belongs. */
  #move(from: number, end: number, lane: number): void {
    this.#ends.copyWithin(from, from + 1, this.#count);
    this.#lane.copyWithin(from, from + 1, this.#count);
    this.#count--;
    const to = this.#after(end);
    this.#ends.copyWithin(to + 1, to, this.#count);
    this.#lane.copyWithin(to + 1, to, this.#count);
    this.#count++;
    this.#ends[to] = end;
    this.#lane[to] = lane;
  }
}
