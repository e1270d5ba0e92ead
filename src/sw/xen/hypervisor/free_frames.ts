/**
 * Free machine frames, in zones by the width of their number; what is wide is given first, so that low memory lasts.
 * Inside a zone any frame may be given, and which it is is chosen outside: frames of one domain lie anywhere.
 * Source: Xen common/page_alloc.c (zones by address width, highest first).
 */
import { assert } from "../../../base/assert.js";
import type { Mfn } from "../../../base/frame.js";
import type { Choose } from "../../../base/rng.js";

export class FreeFrames {
  /** Place of a frame in its zone's list; -1: not free. */
  readonly #place: Int32Array;
  readonly #zones: Uint32Array[] = [];
  readonly #lengths: number[] = [];
  readonly #choose: Choose;

  /** Frames 1 to count - 1 are free; frame 0 never is. */
  constructor(count: number, choose: Choose) {
    this.#choose = choose;
    this.#place = new Int32Array(count).fill(-1);
    for (let zone = 0; 2 ** zone < count; zone++) {
      const first = 2 ** zone;
      const length = Math.min(first, count - first);
      const list = new Uint32Array(length);
      for (let n = 0; n < length; n++) this.#place[(list[n] = first + n)] = n;
      this.#zones.push(list);
      this.#lengths.push(length);
    }
  }

  get count(): number {
    return this.#lengths.reduce((sum, n) => sum + n, 0);
  }

  isFree(m: number): boolean {
    return this.#place[m]! >= 0;
  }

  /**
   * @param order 2^order frames that follow each other, aligned to their number
   * @param bits their byte addresses lie below 2^bits
   * @returns the first, or null when there are none.
   */
  take(order: number, bits: number): Mfn | null {
    const top = Math.min(this.#zones.length, Math.max(0, Math.min(bits, 64) - 12)) - 1;
    for (let zone = top; zone >= 0; zone--) {
      const first = order === 0 ? this.#any(zone) : this.#block(zone, order);
      if (first < 0) continue;
      for (let n = 0; n < 2 ** order; n++) this.#remove(first + n);
      return first as Mfn;
    }
    return null;
  }

  /** A run of any number of frames, the lowest there is. @returns null when there is none. */
  takeRun(count: number): Mfn | null {
    for (let end = 1, length = 0; end < this.#place.length; end++) {
      length = this.isFree(end) ? length + 1 : 0;
      if (length < count) continue;
      const first = end - count + 1;
      for (let n = first; n <= end; n++) this.#remove(n);
      return first as Mfn;
    }
    return null;
  }

  /** One frame that is free. */
  takeExactly(m: Mfn): void {
    assert(this.isFree(m), "a frame that is taken was free");
    this.#remove(m);
  }

  give(m: Mfn): void {
    assert(this.#place[m] === -1, "a frame that is given back was taken");
    const zone = zoneOf(m);
    this.#zones[zone]![(this.#place[m] = this.#lengths[zone]!++)] = m;
  }

  #any(zone: number): number {
    const length = this.#lengths[zone]!;
    return length === 0 ? -1 : this.#zones[zone]![this.#choose(length)]!;
  }

  #block(zone: number, order: number): number {
    const size = 2 ** order;
    if (this.#lengths[zone]! < size) return -1;
    const blocks = Math.floor(this.#zones[zone]!.length / size);
    const start = this.#choose(blocks);
    for (let n = 0; n < blocks; n++) {
      const first = 2 ** zone + ((start + n) % blocks) * size;
      if (this.#wholeBlock(first, size)) return first;
    }
    return -1;
  }

  #wholeBlock(first: number, size: number): boolean {
    for (let n = 0; n < size; n++) if (this.#place[first + n]! < 0) return false;
    return true;
  }

  #remove(m: number): void {
    const zone = zoneOf(m);
    const list = this.#zones[zone]!;
    const last = list[--this.#lengths[zone]!]!;
    const place = this.#place[m]!;
    list[place] = last;
    this.#place[last] = place;
    this.#place[m] = -1;
  }
}

const zoneOf = (m: number): number => 31 - Math.clz32(m);
