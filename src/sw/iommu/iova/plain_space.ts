/**
 * The same space as `IovaSpace`, looked at range by range: slow, short, and the measure of the fast one in tests and
 * benchmarks. Source: Linux drivers/iommu/iova.c, as described there.
 */
import type { FrameSpace, IovaSpaceShape } from "./space.js";

interface Range {
  first: number;
  last: number;
}

export class PlainIovaSpace implements FrameSpace {
  /** In ascending order; the last stands for the end of the space. */
  readonly #ranges: Range[] = [{ first: Number.POSITIVE_INFINITY, last: Number.POSITIVE_INFINITY }];
  readonly #lowest: number;
  readonly #frames32: number;
  #remembered = this.#ranges[0]!;
  #remembered32 = this.#ranges[0]!;
  #refused32: number;

  constructor({ granule = 4096, first = 1 }: IovaSpaceShape = {}) {
    this.#lowest = first;
    this.#frames32 = 2 ** 32 / granule;
    this.#refused32 = this.#frames32;
  }

  alloc(frames: number, limit: number, sizeAligned: boolean): number {
    const above = limit + 1;
    const below32 = above <= this.#frames32;
    if (below32 && frames >= this.#refused32) return -1;
    const align = sizeAligned ? 2 ** Math.ceil(Math.log2(frames)) : 1;
    const remembered = below32 ? this.#remembered32 : this.#remembered;
    let at = this.#search(frames, align, above, this.#lowest, remembered);
    if (at < 0 && remembered.last < above) {
      at = this.#search(frames, align, above, remembered.last + 1, this.#ranges.at(-1)!);
    }
    if (at < 0) {
      this.#refused32 = frames;
      return -1;
    }
    const range = { first: at, last: at + frames - 1 };
    this.#ranges.splice(this.#indexAbove(at), 0, range);
    if (range.last < this.#frames32) this.#remembered32 = range;
    else this.#remembered = range;
    return at;
  }

  free(first: number): boolean {
    const index = this.#indexAbove(first - 1);
    const range = this.#ranges[index]!;
    if (range.first !== first) return false;
    this.#ranges.splice(index, 1);
    const next = this.#ranges[index]!;
    const is32 = range.last < this.#frames32 && first >= this.#remembered32.first;
    if (range === this.#remembered32 || is32) this.#remembered32 = next;
    if (first < this.#frames32) this.#refused32 = this.#frames32;
    if (first >= this.#remembered.first) this.#remembered = next;
    return true;
  }

  reserve(first: number, last: number): void {
    const joined = { first, last };
    for (let i = this.#ranges.length - 2; i >= 0; i--) {
      const range = this.#ranges[i]!;
      if (range.last < joined.first || range.first > joined.last) continue;
      joined.first = Math.min(joined.first, range.first);
      joined.last = Math.max(joined.last, range.last);
      this.#ranges.splice(i, 1);
    }
    this.#ranges.splice(this.#indexAbove(joined.first), 0, joined);
  }

  #search(frames: number, align: number, above: number, low: number, from: Range): number {
    let high = above;
    for (let i = this.#indexAbove(from.first - 1); ; i--) {
      high = Math.min(high, this.#ranges[i]!.first);
      const at = Math.floor((high - frames) / align) * align;
      if (i === 0 || at > this.#ranges[i - 1]!.last || at < low) return at >= low ? at : -1;
    }
  }

  /** Index of the lowest range that begins above a frame; of the end when none does. */
  #indexAbove(frame: number): number {
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.first > frame) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
