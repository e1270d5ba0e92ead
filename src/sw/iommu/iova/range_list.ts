/**
 * Ranges of frames in ascending order, none touching another's frames, for a search from the top down.
 *
 * They lie in blocks of at most 64, so that inserting moves little; each block keeps an upper bound of the widest gap below
 * one of its ranges, so that a search passes over full stretches. A bound is raised where a gap grows and lowered when a
 * search has looked at every gap of the block in vain.
 */

const blockRanges = 64;

export class RangeList {
  /** Ranges of block b at b * 64; parallel to each other. */
  #firsts = new Float64Array(blockRanges);
  #lasts = new Float64Array(blockRanges);
  /** How many ranges a block holds. */
  #counts = new Int32Array(1);
  /** Blocks in ascending order; by their place in it, the first frame of each and its bound of gaps. */
  #order = new Int32Array(1);
  #gaps = new Float64Array(1).fill(Number.POSITIVE_INFINITY);
  #lowest = new Float64Array(1).fill(Number.POSITIVE_INFINITY);
  #blockCount = 1;
  /** Blocks that were emptied. */
  readonly #spare: number[] = [];
  #used = 1;
  count = 0;
  /** What the last find() found: where in the order, and where in the block. */
  #place = 0;
  #slot = 0;

  /** @returns the last frame of the range that begins at first; -1 when none does */
  lastOf(first: number): number {
    return this.#find(first) ? this.#lasts[this.#order[this.#place]! * blockRanges + this.#slot]! : -1;
  }

  /**
   * The highest place for so many frames that ends below `high` and begins at `low` or above, at a multiple of `align`.
   * @returns its first frame, or -1
   */
  highestFit(frames: number, align: number, high: number, low: number): number {
    const firsts = this.#firsts;
    const lasts = this.#lasts;
    const order = this.#order;
    const gaps = this.#gaps;
    // The highest range that begins below `high`: what lies above it is out of reach.
    this.#find(high);
    let place = this.#place;
    let slot = this.#slot - 1;
    let top = high;
    for (;;) {
      if (slot < 0) {
        if (--place < 0) {
          const at = Math.floor((top - frames) / align) * align;
          return at >= low ? at : -1;
        }
        slot = this.#counts[order[place]!]! - 1;
      }
      const block = order[place]!;
      const base = block * blockRanges;
      const whole = slot === this.#counts[block]! - 1;
      const under = lasts[base + slot]!;
      const at = Math.floor((top - frames) / align) * align;
      if (at > under || at < low) return at >= low ? at : -1;
      if (gaps[place]! < frames) {
        // A block's bound is of the gaps below its ranges, that above the next block among them.
        while (place > 0 && gaps[place - 1]! < frames) place--;
        top = Math.min(top, this.#lowest[place]!);
        slot = -1;
        continue;
      }
      let widest = 0;
      let s = slot;
      top = Math.min(top, firsts[base + s]!);
      while (s > 0) {
        const beneath = lasts[base + s - 1]!;
        const gap = top - beneath - 1;
        if (gap > widest) widest = gap;
        if (gap >= frames) {
          const fit = Math.floor((top - frames) / align) * align;
          if (fit > beneath) return fit >= low ? fit : -1;
        }
        if (top - frames < low) return -1;
        top = firsts[base + --s]!;
      }
      if (whole) this.#learn(place, widest);
      slot = -1;
    }
  }

  insert(first: number, last: number): void {
    this.#find(first);
    let place = this.#place;
    let slot = this.#slot;
    let block = this.#order[place]!;
    if (this.#counts[block] === blockRanges) {
      this.#split(place);
      const half = this.#counts[block]!;
      if (slot > half) {
        slot -= half;
        block = this.#order[++place]!;
      }
    }
    const base = block * blockRanges;
    const n = this.#counts[block]!;
    this.#firsts.copyWithin(base + slot + 1, base + slot, base + n);
    this.#lasts.copyWithin(base + slot + 1, base + slot, base + n);
    this.#firsts[base + slot] = first;
    this.#lasts[base + slot] = last;
    this.#counts[block] = n + 1;
    this.count++;
    if (slot === 0) this.#lowest[place] = first;
    this.#widen(place, first - this.#lastBelow(place, slot) - 1);
  }

  /** @returns the first frame of the range above the one that is removed; infinity when there is none */
  remove(first: number): number {
    if (!this.#find(first)) return Number.NaN;
    const place = this.#place;
    const slot = this.#slot;
    const block = this.#order[place]!;
    const base = block * blockRanges;
    const n = this.#counts[block]! - 1;
    this.#firsts.copyWithin(base + slot, base + slot + 1, base + n + 1);
    this.#lasts.copyWithin(base + slot, base + slot + 1, base + n + 1);
    this.#counts[block] = n;
    this.count--;
    if (n === 0 && this.#blockCount > 1) {
      this.#drop(place);
      return this.#above(place, 0);
    }
    if (slot === 0) this.#lowest[place] = n === 0 ? Number.POSITIVE_INFINITY : this.#firsts[base]!;
    return this.#above(place, slot);
  }

  /** Insert a range that may touch others: all that share a frame with it become one. */
  join(first: number, last: number): void {
    let from = first;
    let to = last;
    for (;;) {
      const other = this.#overlapping(from, to);
      if (other < 0) break;
      from = Math.min(from, other);
      to = Math.max(to, this.lastOf(other));
      this.remove(other);
    }
    this.insert(from, to);
  }

  /** @returns whether a range shares a frame with this one */
  touches(first: number, last: number): boolean {
    return this.#overlapping(first, last) >= 0;
  }

  /** @returns the first frame of a range that shares a frame with this one; -1 when none does */
  #overlapping(first: number, last: number): number {
    if (this.#find(first)) return first;
    let place = this.#place;
    const slot = this.#slot;
    const block = this.#order[place]!;
    const next =
      slot < this.#counts[block]!
        ? this.#firsts[block * blockRanges + slot]!
        : (this.#lowest[place + 1] ?? Number.POSITIVE_INFINITY);
    if (next <= last) return next;
    let below = slot - 1;
    if (below < 0) {
      if (--place < 0) return -1;
      below = this.#counts[this.#order[place]!]! - 1;
    }
    const at = this.#order[place]! * blockRanges + below;
    return below >= 0 && this.#lasts[at]! >= first ? this.#firsts[at]! : -1;
  }

  /** Where a range begins, or would be put. @returns whether one begins there */
  #find(first: number): boolean {
    const lowest = this.#lowest;
    let low = 0;
    let high = this.#blockCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (lowest[middle]! <= first) low = middle;
      else high = middle - 1;
    }
    this.#place = low;
    const block = this.#order[low]!;
    const base = block * blockRanges;
    const firsts = this.#firsts;
    let from = 0;
    let to = this.#counts[block]!;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (firsts[base + middle]! < first) from = middle + 1;
      else to = middle;
    }
    this.#slot = from;
    return from < this.#counts[block]! && firsts[base + from] === first;
  }

  /** The last frame of the range below a place; -1 when there is none. */
  #lastBelow(place: number, slot: number): number {
    if (slot > 0) return this.#lasts[this.#order[place]! * blockRanges + slot - 1]!;
    if (place === 0) return -1;
    const block = this.#order[place - 1]!;
    return this.#lasts[block * blockRanges + this.#counts[block]! - 1]!;
  }

  /** The range that stands at a place now: its first frame, with its gap counted anew; infinity when there is none. */
  #above(place: number, slot: number): number {
    let p = place;
    let s = slot;
    if (p < this.#blockCount && s >= this.#counts[this.#order[p]!]!) {
      p++;
      s = 0;
    }
    if (p >= this.#blockCount) return Number.POSITIVE_INFINITY;
    const block = this.#order[p]!;
    if (this.#counts[block] === 0) return Number.POSITIVE_INFINITY;
    const first = this.#firsts[block * blockRanges + s]!;
    this.#widen(p, first - this.#lastBelow(p, s) - 1);
    return first;
  }

  #widen(place: number, gap: number): void {
    if (gap > this.#gaps[place]!) this.#gaps[place] = gap;
  }

  /** What a search in vain saw of a block; the gap below its first range, which it did not see, is added. */
  #learn(place: number, widest: number): void {
    const block = this.#order[place]!;
    const below = this.#firsts[block * blockRanges]! - this.#lastBelow(place, 0) - 1;
    this.#gaps[place] = Math.max(widest, below);
  }

  /** Move the upper half of a full block into one of its own. */
  #split(place: number): void {
    const block = this.#order[place]!;
    const fresh = this.#spare.pop() ?? this.#grow();
    const half = blockRanges / 2;
    const from = block * blockRanges;
    const to = fresh * blockRanges;
    this.#firsts.copyWithin(to, from + half, from + blockRanges);
    this.#lasts.copyWithin(to, from + half, from + blockRanges);
    this.#counts[block] = half;
    this.#counts[fresh] = blockRanges - half;
    this.#order.copyWithin(place + 2, place + 1, this.#blockCount);
    this.#lowest.copyWithin(place + 2, place + 1, this.#blockCount);
    this.#gaps.copyWithin(place + 1, place, this.#blockCount);
    this.#order[place + 1] = fresh;
    this.#lowest[place + 1] = this.#firsts[to]!;
    this.#blockCount++;
  }

  #drop(place: number): void {
    this.#spare.push(this.#order[place]!);
    this.#order.copyWithin(place, place + 1, this.#blockCount);
    this.#lowest.copyWithin(place, place + 1, this.#blockCount);
    this.#gaps.copyWithin(place, place + 1, this.#blockCount);
    this.#blockCount--;
    this.#lowest[this.#blockCount] = Number.POSITIVE_INFINITY;
  }

  /** @returns a block that was never used */
  #grow(): number {
    const capacity = this.#counts.length;
    if (this.#used === capacity) {
      const grown = <A extends Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(old: A, into: A): A => {
        into.set(old);
        return into;
      };
      this.#firsts = grown(this.#firsts, new Float64Array(2 * capacity * blockRanges));
      this.#lasts = grown(this.#lasts, new Float64Array(2 * capacity * blockRanges));
      this.#counts = grown(this.#counts, new Int32Array(2 * capacity));
      this.#gaps = grown(this.#gaps, new Float64Array(2 * capacity));
      this.#order = grown(this.#order, new Int32Array(2 * capacity));
      this.#lowest = grown(this.#lowest, new Float64Array(2 * capacity).fill(Number.POSITIVE_INFINITY));
    }
    return this.#used++;
  }
}
