/**
 * How many mappings of each class are alive over time: what grows leaks, what stays level does not.
 *
 * A class is device, kind, size, direction and attributes. Its level is what was mapped less what was unmapped, also
 * of mappings made before the recording: a ring whose old buffers are replaced by new ones stays level. The low-water
 * mark (lowest level) is kept for each slice of the recording. In a ring or a cache the mark is constant after the
 * start; under load the number in flight rises and falls, and the mark with it. Only mappings that never come back
 * lift the mark in slice after slice. The number of slices is fixed: when the recording outgrows them, neighbours are
 * joined.
 */
import { mixed } from "./chains.js";

const slices = 32;
const classesMax = 4096;
/** Slices that the verdict looks at: each is several of the kept ones, so that a burst does not decide. */
const stages = 8;
/** A first guess; slices double whenever the recording outgrows them. */
const widthFirst = 1000;
/** Fewer mappings than this show no trend. */
const countMin = 7;

export class Population {
  readonly device = new Int32Array(classesMax);
  readonly size = new Float64Array(classesMax);
  readonly kind = new Uint8Array(classesMax);
  readonly direction = new Uint8Array(classesMax);
  readonly attrs = new Uint32Array(classesMax);
  /** Mappings of the class that were made in the recording and are alive. */
  readonly alive = new Int32Array(classesMax);
  /** When the class was first seen, microseconds. */
  readonly bornAt = new Float64Array(classesMax);
  readonly #level = new Int32Array(classesMax);
  readonly #places = new Int32Array(classesMax * 2).fill(-1);
  readonly #low = new Int32Array(classesMax * slices);
  /** First slice in which the class had a mapping, and the last one filled. */
  readonly #born = new Uint8Array(classesMax);
  readonly #filled = new Uint8Array(classesMax);
  #start = Number.NaN;
  #width = widthFirst;
  count = 0;

  /** @returns the class's number; -1 when there are too many, and the mapping is in no class. */
  classOf(device: number, kind: number, size: number, direction: number, attrs: number): number {
    const hash = mixed(device * 8 + kind, size) ^ Math.imul(direction * 65537 + attrs, 0x9e3779b1);
    let at = hash & (classesMax * 2 - 1);
    for (;;) {
      const c = this.#places[at]!;
      if (c === -1) break;
      if (
        this.device[c]! === device &&
        this.size[c]! === size &&
        this.kind[c]! === kind &&
        this.direction[c]! === direction &&
        this.attrs[c]! === attrs
      )
        return c;
      at = (at + 1) & (classesMax * 2 - 1);
    }
    if (this.count === classesMax) return -1;
    const c = this.count++;
    this.#places[at] = c;
    this.device[c] = device;
    this.size[c] = size;
    this.kind[c] = kind;
    this.direction[c] = direction;
    this.attrs[c] = attrs;
    this.#born[c] = 255;
    return c;
  }

  /** One more (+1) or one fewer (-1) of a class is alive. @param time microseconds */
  change(c: number, by: number, time: number): void {
    this.alive[c]! += by;
    this.#move(c, by, time);
  }

  /** A mapping of the class that was made before the recording ended. */
  endedFromBefore(c: number, time: number): void {
    this.#move(c, -1, time);
  }

  #move(c: number, by: number, time: number): void {
    const slice = this.#sliceOf(time);
    if (this.#born[c]! === 255) {
      this.bornAt[c] = time;
      this.#born[c] = slice;
      this.#filled[c] = slice;
      this.#low[c * slices + slice] = 0;
    }
    this.#fill(c, slice);
    const level = this.#level[c]! + by;
    const at = c * slices + this.#filled[c]!;
    this.#level[c] = level;
    if (level < this.#low[at]!) this.#low[at] = level;
  }

  /**
   * Whether a class grew through the recording that ended at `time`.
   * @returns low-water marks of the stages from the class's first mapping to the end, or null when that was too
   *          short to see a trend.
   */
  marks(c: number, time: number): number[] | null {
    const last = this.#sliceOf(time);
    if (this.#born[c]! === 255) return null;
    this.#fill(c, last);
    const born = this.#born[c]!,
      length = last - born + 1;
    if (length < stages) return null;
    const marks: number[] = [];
    for (let s = 0; s < stages; s++) {
      const from = born + Math.floor((s * length) / stages),
        to = born + Math.floor(((s + 1) * length) / stages);
      let low = Number.POSITIVE_INFINITY;
      for (let slice = from; slice < to; slice++) low = Math.min(low, this.#low[c * slices + slice]!);
      marks.push(low);
    }
    return marks;
  }

  /** Carry the level through slices without an event. */
  #fill(c: number, slice: number): void {
    const level = this.#level[c]!;
    for (let s = this.#filled[c]! + 1; s <= slice; s++) this.#low[c * slices + s] = level;
    if (slice > this.#filled[c]!) this.#filled[c] = slice;
  }

  #sliceOf(time: number): number {
    if (!(this.#start <= time)) {
      if (Number.isNaN(this.#start)) this.#start = time;
      return 0;
    }
    let slice = Math.floor((time - this.#start) / this.#width);
    while (slice >= slices) {
      this.#join();
      slice = Math.floor((time - this.#start) / this.#width);
    }
    return slice;
  }

  /** Double the slices' width: each holds the lower mark of two. */
  #join(): void {
    this.#width *= 2;
    for (let c = 0; c < this.count; c++) {
      if (this.#born[c]! === 255) continue;
      const at = c * slices,
        filled = this.#filled[c]!,
        born = this.#born[c]!;
      for (let s = born >> 1; s <= filled >> 1; s++) {
        const first = 2 * s < born ? this.#low[at + 2 * s + 1]! : this.#low[at + 2 * s]!;
        const second = 2 * s + 1 > filled ? first : this.#low[at + 2 * s + 1]!;
        this.#low[at + s] = Math.min(first, second);
      }
      this.#born[c] = born >> 1;
      this.#filled[c] = filled >> 1;
    }
  }
}

/**
 * Whether low-water marks show a leak: two times out of three they rise from stage to stage, they never fall back by
 * more than half of what was gained, and the last stage is above the middle one. A pool that is filled at the start,
 * or twice, or that a growing load makes larger now and then, rises less often.
 */
export function grows(marks: readonly number[]): boolean {
  let rises = 0,
    peak = marks[0]!;
  for (let s = 1; s < marks.length; s++) {
    if (marks[s]! > marks[s - 1]!) rises++;
    if (marks[s]! < peak - (peak - marks[0]!) / 2) return false;
    peak = Math.max(peak, marks[s]!);
  }
  const last = marks[marks.length - 1]!,
    middle = marks[marks.length >> 1]!;
  return rises * 3 >= (marks.length - 1) * 2 && last > middle && last - marks[0]! >= countMin;
}
