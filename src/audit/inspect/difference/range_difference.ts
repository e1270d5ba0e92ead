/** Arithmetic on translations as sets: what one table maps and another does not, without looking at single leaves. */
import { Ranges } from "../../../table/ranges.js";
import type { Allow } from "../../../table/root.js";

/**
 * The parts of `a` that `b` does not map to the same place with the same permission.
 *
 * Both ascend by iova and neither overlaps itself. Takes time in proportion to the rows of both.
 */
export function difference(a: Ranges, b: Ranges): Ranges {
  const left = new Ranges();
  for (let i = 0, j = 0; i < a.count; i++) {
    const from = a.iova[i]!;
    const to = from + a.bytes[i]!;
    const keep = (x: number, y: number) => {
      if (x < y) left.push(x, a.paddr[i]! + (x - from), y - x, a.allow[i]! as Allow);
    };
    while (j < b.count && b.iova[j]! + b.bytes[j]! <= from) j++;
    let at = from;
    for (let k = j; k < b.count && b.iova[k]! < to; k++) {
      if (!sameTranslation(a, i, b, k)) continue;
      keep(at, Math.max(at, b.iova[k]!));
      at = Math.min(to, Math.max(at, b.iova[k]! + b.bytes[k]!));
    }
    keep(at, to);
  }
  return left;
}

/** Rows of both in one list, ascending by iova; they must not overlap. */
export function union(a: Ranges, b: Ranges): Ranges {
  const both = new Ranges();
  const add = (from: Ranges, n: number) =>
    both.push(from.iova[n]!, from.paddr[n]!, from.bytes[n]!, from.allow[n]! as Allow);
  for (let i = 0, j = 0; i < a.count || j < b.count; ) {
    if (j >= b.count || (i < a.count && a.iova[i]! < b.iova[j]!)) add(a, i++);
    else add(b, j++);
  }
  return both;
}

/** @returns the row that translates `iova`, or -1. */
export function rowAt(ranges: Ranges, iova: number): number {
  let low = 0;
  let high = ranges.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges.iova[middle]! <= iova) low = middle + 1;
    else high = middle;
  }
  const row = low - 1;
  return row >= 0 && iova < ranges.iova[row]! + ranges.bytes[row]! ? row : -1;
}

function sameTranslation(a: Ranges, i: number, b: Ranges, k: number): boolean {
  return a.allow[i] === b.allow[k] && a.paddr[i]! - a.iova[i]! === b.paddr[k]! - b.iova[k]!;
}
