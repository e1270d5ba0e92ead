/** How often something happened, over a time whose end is not known: bins of fixed number that double in width. */

const bins = 64;
/** Microseconds. */
const widthFirst = 1000;

export class OverTime {
  readonly #counts = new Float64Array(bins);
  #start = Number.NaN;
  #width = widthFirst;
  total = 0;
  /** Latest time, microseconds; NaN when it never happened. */
  last = Number.NaN;

  /** @param time microseconds; what lies before the first is counted with it */
  add(time: number): void {
    this.total++;
    if (Number.isNaN(this.#start)) this.#start = time;
    if (!(time <= this.last)) this.last = time;
    this.#counts[this.#bin(time)]!++;
  }

  get first(): number {
    return this.#start;
  }

  /** How often at or after `time`, to the width of a bin: never less than it was. */
  since(time: number): number {
    if (!(time > this.#start)) return this.total;
    let sum = 0;
    for (let b = this.#bin(time); b < bins; b++) sum += this.#counts[b]!;
    return sum;
  }

  #bin(time: number): number {
    let bin = Math.max(0, Math.floor((time - this.#start) / this.#width));
    for (; bin >= bins; bin = Math.floor((time - this.#start) / this.#width)) this.#join();
    return bin;
  }

  #join(): void {
    this.#width *= 2;
    for (let b = 0; b < bins / 2; b++) this.#counts[b] = this.#counts[2 * b]! + this.#counts[2 * b + 1]!;
    this.#counts.fill(0, bins / 2);
  }
}
