/**
 * The addresses of one IOMMU domain: ranges of frames, given from the top down.
 *
 * Which frame is given depends on the ranges in use, on two remembered ranges (the lowest of the last given, one below
 * 4 GiB and one above) and on the size that last did not fit. The kernel keeps the ranges in a tree and looks at them one
 * by one; here they lie sorted in blocks, and a block whose widest gap is known to be too narrow is passed over. The answers
 * are the same: `PlainIovaSpace` is the measure.
 *
 * Frames are numbers of granules, not bytes, below 2 ** 52.
 * Source: Linux drivers/iommu/iova.c, __alloc_and_insert_iova_range, __cached_rbnode_delete_update, reserve_iova.
 */
import { RangeList } from "./range_list.js";

/** The interface of a space that the kernel's allocator and its plain twin share. */
export interface FrameSpace {
  /**
   * @param limit the last frame that may be used
   * @param sizeAligned begin at a multiple of the size, rounded up to a power of two
   * @returns the first frame, or -1 when there is no room
   */
  alloc(frames: number, limit: number, sizeAligned: boolean): number;
  /** Give a range back by its first frame. @returns false when no range begins there */
  free(first: number): boolean;
  /** Take a range out for ever; ranges that it touches become one with it. */
  reserve(first: number, last: number): void;
}

export interface IovaSpaceShape {
  /** Bytes of a frame: a power of two, 4096 unless the unit's smallest page is larger. */
  readonly granule?: number;
  /** The lowest frame ever given; 1, so that no address is 0. */
  readonly first?: number;
}

/** Stands for the end of the space: above every range. */
const end = Number.POSITIVE_INFINITY;

export class IovaSpace implements FrameSpace {
  readonly #ranges = new RangeList();
  readonly #first: number;
  /** The first frame at 4 GiB. */
  readonly #frames32: number;
  /** Where the next search begins, above and below 4 GiB: the first frame of a range, or the end. */
  #remembered = end;
  #remembered32 = end;
  /** A request below 4 GiB of this size or more is refused without a search. */
  #refused32: number;

  constructor({ granule = 4096, first = 1 }: IovaSpaceShape = {}) {
    this.#first = first;
    this.#frames32 = 2 ** 32 / granule;
    this.#refused32 = this.#frames32;
  }

  /** Ranges in use, reserved ones included. */
  get count(): number {
    return this.#ranges.count;
  }

  alloc(frames: number, limit: number, sizeAligned: boolean): number {
    const at = this.find(frames, limit, sizeAligned);
    if (at >= 0) this.take(at, frames);
    else if (limit >= this.#frames32 || frames < this.#refused32) this.#refused32 = frames;
    return at;
  }

  /** Where `alloc` would put so many frames now; nothing is taken. @returns the first frame, or -1 */
  find(frames: number, limit: number, sizeAligned: boolean): number {
    const ranges = this.#ranges;
    const above = limit + 1;
    const below32 = above <= this.#frames32;
    if (below32 && frames >= this.#refused32) return -1;
    let align = 1;
    if (sizeAligned) while (align < frames) align *= 2;
    const from = below32 ? this.#remembered32 : this.#remembered;
    const at = ranges.highestFit(frames, align, Math.min(above, from), this.#first);
    if (at >= 0) return at;
    const retry = from === end ? end : ranges.lastOf(from);
    return retry < above ? ranges.highestFit(frames, align, above, retry + 1) : -1;
  }

  /** Use these frames, as if they had been given. @returns false when one of them is in use */
  take(first: number, frames: number): boolean {
    const last = first + frames - 1;
    if (this.#ranges.touches(first, last)) return false;
    this.#ranges.insert(first, last);
    if (last < this.#frames32) this.#remembered32 = first;
    else this.#remembered = first;
    return true;
  }

  free(first: number): boolean {
    const ranges = this.#ranges;
    const last = ranges.lastOf(first);
    if (last < 0) return false;
    const next = ranges.remove(first);
    if (first === this.#remembered32 || (last < this.#frames32 && first >= this.#remembered32))
      this.#remembered32 = next;
    if (first < this.#frames32) this.#refused32 = this.#frames32;
    if (first >= this.#remembered) this.#remembered = next;
    return true;
  }

  reserve(first: number, last: number): void {
    this.#ranges.join(first, last);
  }
}
