/** Whether an enumeration and single walks say the same of a page. */
import {
  type FrameSource,
  type NestedRoots,
  NestedWalker,
  planOf,
  type Ranges,
  type TableRoot,
  walk,
} from "../../src/table/index.js";

/** One walk: output frame, or a fault below zero. */
export type WalkOne = (dfn: number, need: number) => number;

export function walkerOf(memory: FrameSource, root: TableRoot): WalkOne {
  const plan = planOf(root);
  return (dfn, need) => walk(plan, memory, root.address, dfn, need);
}

export function nestedWalkerOf(memory: FrameSource, roots: NestedRoots): WalkOne {
  const walker = new NestedWalker(memory, roots);
  return (dfn, need) => walker.walk(dfn, need);
}

/** Rows as text, so that a difference can be read. */
export const rowsOf = (r: Ranges): string[] =>
  Array.from({ length: r.count }, (_, i) =>
    [r.iova[i]!.toString(16), r.paddr[i]!.toString(16), r.bytes[i]!.toString(16), r.allow[i]].join(" "),
  );

/** The row that holds an address; -1 when none does. */
export function rowOf(ranges: Ranges, iova: number): number {
  let low = 0;
  let high = ranges.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges.iova[middle]! + ranges.bytes[middle]! > iova) high = middle;
    else low = middle + 1;
  }
  return low < ranges.count && ranges.iova[low]! <= iova ? low : -1;
}

/**
 * Compare one page: rights and place by walks, against the rows.
 * @returns how they differ, as a sentence; the rights (0 to 3) when they agree
 */
export function compared(walkOne: WalkOne, ranges: Ranges, dfn: number): string | number {
  const read = walkOne(dfn, 1);
  const written = walkOne(dfn, 2);
  const allow = (read >= 0 ? 1 : 0) + (written >= 0 ? 2 : 0);
  const row = rowOf(ranges, dfn * 4096);
  if (allow === 0) return row < 0 ? 0 : `frame ${dfn} is in row ${row} and does not translate: ${read}, ${written}`;
  const to = Math.max(read, written);
  if (row < 0) return `frame ${dfn} translates to ${to} and is in no row`;
  const place = (ranges.paddr[row]! - ranges.iova[row]!) / 4096 + dfn;
  if (place !== to) return `frame ${dfn} is at ${to}, not ${place}`;
  return ranges.allow[row] === allow ? allow : `frame ${dfn} allows ${allow}, not ${ranges.allow[row]}`;
}

/** What is reached at all, at whatever address: merged runs of memory with their rights, as text. */
export function memoryOf(r: Ranges): string[] {
  const order = Array.from({ length: r.count }, (_, i) => i).toSorted((a, b) => r.paddr[a]! - r.paddr[b]!);
  return [1, 2, 3].flatMap((allow) => {
    const runs: { from: number; end: number }[] = [];
    for (const i of order) {
      if (r.allow[i] !== allow) continue;
      const from = r.paddr[i]!;
      const end = from + r.bytes[i]!;
      const last = runs.at(-1);
      if (last === undefined || from > last.end) runs.push({ from, end });
      else last.end = Math.max(last.end, end);
    }
    return runs.map(({ from, end }) => `${allow}: ${from.toString(16)} to ${end.toString(16)}`);
  });
}
