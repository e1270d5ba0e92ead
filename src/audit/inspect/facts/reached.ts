/** How much memory tables lead to: pages that are mapped more than once count once. */
import type { Ranges } from "../../../table/ranges.js";
import type { Stretch } from "../stretch.js";

export interface Reached {
  /** Bytes of addresses that are mapped. */
  readonly addresses: number;
  /** Bytes behind them, each counted once. */
  readonly distinct: number;
  /** Bytes of RAM among those; null where nobody says which part of it is RAM. */
  readonly ram: number | null;
}

/** @param ram ascending, apart from each other; null = not known */
export function reachedBy(tables: Iterable<Ranges>, ram: readonly Stretch[] | null): Reached {
  const own = [...new Set(tables)];
  const total = own.reduce((sum, t) => sum + t.count, 0);
  const starts = new Float64Array(total);
  const ends = new Float64Array(total);
  let n = 0;
  for (const { paddr, bytes, count } of own) {
    for (let row = 0; row < count; row++, n++) {
      starts[n] = paddr[row]!;
      ends[n] = paddr[row]! + bytes[row]!;
    }
  }
  // Both in order: where the kth end lies before the next start, k ranges have begun and k have ended.
  starts.sort();
  ends.sort();
  const inRam = ram === null ? null : new Overlap(ram);
  let distinct = 0;
  let from = starts[0]!;
  for (let k = 1; k <= total; k++) {
    const to = ends[k - 1]!;
    if (k < total && starts[k]! <= to) continue;
    distinct += to - from;
    inRam?.take(from, to);
    from = starts[k]!;
  }
  return {
    addresses: own.reduce((sum, t) => sum + t.byteCount, 0),
    distinct,
    ram: inRam === null ? null : inRam.bytes,
  };
}

/** Bytes that ascending stretches share with others. */
class Overlap {
  bytes = 0;
  readonly #with: readonly Stretch[];
  #next = 0;

  constructor(stretches: readonly Stretch[]) {
    this.#with = stretches;
  }

  take(from: number, to: number): void {
    while (this.#next < this.#with.length && this.#with[this.#next]!.to <= from) this.#next++;
    for (let n = this.#next; n < this.#with.length && this.#with[n]!.from < to; n++) {
      this.bytes += Math.min(to, this.#with[n]!.to) - Math.max(from, this.#with[n]!.from);
    }
  }
}
