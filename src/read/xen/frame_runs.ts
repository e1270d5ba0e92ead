/**
 * Runs of frame numbers: a table from frames to frames with one entry for each run, looked up by bisection.
 *
 * What the files of P2M and M2P hold. Frame numbers have up to 52 bits and are exact as doubles.
 */

/** Runs in columns while a file is read. Any order; later runs must not overlap earlier ones. */
export class FrameRuns {
  readonly #from: number[] = [];
  readonly #count: number[] = [];
  readonly #kind: number[] = [];
  readonly #value: number[] = [];
  #sorted = true;

  get length(): number {
    return this.#from.length;
  }

  add(from: number, count: number, kind: number, value: number): void {
    const last = this.#from.length - 1;
    if (last >= 0 && from < this.#from[last]! + this.#count[last]!) this.#sorted = false;
    this.#from.push(from);
    this.#count.push(count);
    this.#kind.push(kind);
    this.#value.push(value);
  }

  /** Put the runs in order. @returns the start of a run that overlaps its neighbour, NaN when none does. */
  settle(): number {
    if (this.#sorted) return Number.NaN;
    const order = this.#from.map((_, i) => i).sort((a, b) => this.#from[a]! - this.#from[b]!);
    for (const column of [this.#from, this.#count, this.#kind, this.#value]) {
      const sorted = order.map((i) => column[i]!);
      for (let i = 0; i < sorted.length; i++) column[i] = sorted[i]!;
    }
    this.#sorted = true;
    for (let i = 1; i < this.#from.length; i++) {
      if (this.#from[i]! < this.#from[i - 1]! + this.#count[i - 1]!) return this.#from[i]!;
    }
    return Number.NaN;
  }

  /** @returns the run that holds a frame, -1 when none does. */
  find(frame: number): number {
    let low = 0;
    let high = this.#from.length - 1;
    while (low <= high) {
      const mid = (low + high) >> 1;
      const from = this.#from[mid]!;
      if (frame < from) high = mid - 1;
      else if (frame >= from + this.#count[mid]!) low = mid + 1;
      else return mid;
    }
    return -1;
  }

  from(run: number): number {
    return this.#from[run]!;
  }

  count(run: number): number {
    return this.#count[run]!;
  }

  kind(run: number): number {
    return this.#kind[run]!;
  }

  value(run: number): number {
    return this.#value[run]!;
  }
}
