/** Occupancy over time and slots by time, in bins of fixed number, so that memory does not grow with a recording. */
import { setSlots } from "../../../spec/swiotlb/sizes.js";
import type { SlotMap, Timeline } from "./outcome.js";

const binCount = 1024;
const columnCount = 800;
/** Rows of one slot set: one a slot in small pools, one for 8 slots in large ones. */
const largePoolSlots = 4096;

export class TimelineBuilder {
  readonly #from: number;
  readonly #width: number;
  readonly #most = new Uint32Array(binCount);
  readonly #fewest = new Uint32Array(binCount).fill(0xffffffff);
  readonly #failures = new Uint32Array(binCount);
  #bin = 0;
  #used = 0;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#width = Math.max(1, (to - from) / binCount);
  }

  /** The pool holds `used` slots from `time` on. */
  used(time: number, used: number): void {
    this.#reach(time);
    this.#used = used;
    this.#mark(this.#bin);
  }

  failure(time: number): void {
    this.#reach(time);
    this.#failures[this.#bin]!++;
  }

  finish(to: number): Timeline {
    this.#reach(to);
    this.#mark(this.#bin);
    return {
      from: this.#from,
      width: this.#width,
      most: this.#most,
      fewest: this.#fewest.map((n) => (n === 0xffffffff ? 0 : n)),
      failures: this.#failures,
    };
  }

  #reach(time: number): void {
    const bin = Math.min(binCount - 1, Math.max(this.#bin, Math.floor((time - this.#from) / this.#width)));
    while (this.#bin < bin) {
      this.#mark(this.#bin);
      this.#mark(++this.#bin);
    }
  }

  #mark(bin: number): void {
    if (this.#used > this.#most[bin]!) this.#most[bin] = this.#used;
    if (this.#used < this.#fewest[bin]!) this.#fewest[bin] = this.#used;
  }
}

export class SlotMapBuilder {
  readonly #from: number;
  readonly #width: number;
  readonly #slotsPerRow: number;
  readonly #rowsPerSet: number;
  /** Cells of each slot set that was ever used. */
  readonly #sets = new Map<number, Uint8Array>();

  constructor(from: number, to: number, slots: number) {
    this.#from = from;
    this.#width = Math.max(1, (to - from) / columnCount);
    this.#slotsPerRow = slots <= largePoolSlots ? 1 : 8;
    this.#rowsPerSet = setSlots / this.#slotsPerRow;
  }

  /** `count` slots from slot `from` belonged to `device` from `begin` to `end` (microseconds). */
  held(from: number, count: number, device: number, begin: number, end: number): void {
    const first = this.#column(begin),
      last = this.#column(end);
    const colour = Math.min(255, device + 1);
    const until = from + count;
    // A mapping lies inside one slot set.
    const set = Math.floor(from / setSlots);
    let cells = this.#sets.get(set);
    if (cells === undefined) {
      cells = new Uint8Array(this.#rowsPerSet * columnCount);
      this.#sets.set(set, cells);
    }
    for (let slot = from; slot < until; slot += this.#slotsPerRow) {
      const row = Math.floor((slot % setSlots) / this.#slotsPerRow) * columnCount;
      // Most mappings live for less than a column; a call of fill costs more than the store.
      if (first === last) cells[row + first] = colour;
      else cells.fill(colour, row + first, row + last + 1);
    }
  }

  finish(): SlotMap {
    const sets = [...this.#sets.keys()].sort((a, b) => a - b);
    const rows = sets.length * this.#rowsPerSet;
    const cells = new Uint8Array(rows * columnCount);
    const rowSlots = new Uint32Array(rows);
    sets.forEach((set, k) => {
      cells.set(this.#sets.get(set)!, k * this.#rowsPerSet * columnCount);
      for (let r = 0; r < this.#rowsPerSet; r++) {
        rowSlots[k * this.#rowsPerSet + r] = set * setSlots + r * this.#slotsPerRow;
      }
    });
    return {
      columns: columnCount,
      rows,
      rowSlots,
      slotsPerRow: this.#slotsPerRow,
      from: this.#from,
      width: this.#width,
      cells,
    };
  }

  #column(time: number): number {
    return Math.min(columnCount - 1, Math.max(0, Math.floor((time - this.#from) / this.#width)));
  }
}
