/** Physical memory cut where the set of those who reach it changes. */
import type { Blocks, Rows } from "./columns.js";

/** What one set of page tables reaches. */
export interface Reached {
  readonly rows: Rows;
  /** Where those are that the page does not carry. */
  readonly rest: Blocks | null;
}

/** Stretches of pages that the same tables reach; ascending and apart. Pages that nobody reaches are in none. */
export interface Sweep extends Blocks {
  /** Index into `sets`. */
  readonly set: Int32Array;
  /** Indices of reaches, ascending. */
  readonly sets: readonly (readonly number[])[];
}

/** Sets are told apart by so many of their members; hostile tables could make endless ones. */
const membersMax = 8;

export function sweep(reaches: readonly Reached[], isHidden: (reach: number) => boolean): Sweep {
  const count = reaches.reduce((sum, r, i) => sum + (isHidden(i) ? 0 : r.rows.count + (r.rest?.count ?? 0)), 0);
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  const owner = new Int32Array(count);
  let n = 0;
  for (const [i, { rows, rest }] of reaches.entries()) {
    if (isHidden(i)) continue;
    for (let row = 0; row < rows.count; row++, n++) {
      starts[n] = rows.paddr[row]!;
      ends[n] = rows.paddr[row]! + rows.pages[row]!;
      owner[n] = i;
    }
    for (let block = 0; rest !== null && block < rest.count; block++, n++) {
      starts[n] = rest.from[block]!;
      ends[n] = rest.to[block]!;
      owner[n] = i;
    }
  }
  return cut(starts, ends, owner);
}

function cut(starts: Float64Array, ends: Float64Array, owner: Int32Array): Sweep {
  const byStart = orderOf(starts);
  const byEnd = orderOf(ends);
  const from: number[] = [];
  const to: number[] = [];
  const set: number[] = [];
  const sets: number[][] = [];
  const known = new Map<string, number>();
  const depth = new Map<number, number>();
  const members: number[] = [];
  let at = 0;
  let s = 0;
  const step = (reach: number, by: 1 | -1): void => {
    const now = (depth.get(reach) ?? 0) + by;
    depth.set(reach, now);
    if (now === 0) members.splice(members.indexOf(reach), 1);
    if (now === 1 && by === 1) members.splice(placeOf(members, reach), 0, reach);
  };
  for (let e = 0; e < ends.length; ) {
    const start = s < starts.length ? starts[byStart[s]!]! : Number.POSITIVE_INFINITY;
    const next = Math.min(start, ends[byEnd[e]!]!);
    if (members.length > 0 && next > at) {
      const key = members.slice(0, membersMax).join();
      let own = known.get(key);
      if (own === undefined) {
        own = sets.length;
        known.set(key, own);
        sets.push(members.slice(0, membersMax));
      }
      const last = to.length - 1;
      if (last >= 0 && to[last] === at && set[last] === own) to[last] = next;
      else {
        from.push(at);
        to.push(next);
        set.push(own);
      }
    }
    at = next;
    while (e < ends.length && ends[byEnd[e]!] === next) step(owner[byEnd[e++]!]!, -1);
    while (s < starts.length && starts[byStart[s]!] === next) step(owner[byStart[s++]!]!, 1);
  }
  return {
    count: from.length,
    from: Float64Array.from(from),
    to: Float64Array.from(to),
    set: Int32Array.from(set),
    sets,
  };
}

/** Where a number belongs among ascending ones. */
function placeOf(ascending: readonly number[], n: number): number {
  let place = 0;
  while (place < ascending.length && ascending[place]! < n) place++;
  return place;
}

/** Places of the values in ascending order. */
function orderOf(values: Float64Array): Uint32Array {
  const count = Math.max(1, values.length);
  const most = values.reduce((m, v) => Math.max(m, v), 0);
  if ((most + 1) * count > Number.MAX_SAFE_INTEGER) {
    return Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  }
  // Value and place in one number: sorted without a call for each comparison.
  const keys = values.map((v, i) => v * count + i).sort();
  return Uint32Array.from(keys, (key) => key % count);
}

/** Pages of each reach, pages that anyone reaches, and those that several do. */
export function countPages({ count, from, to, set, sets }: Sweep): {
  any: number;
  shared: number;
  own: Map<number, number>;
} {
  let any = 0;
  let shared = 0;
  const own = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const pages = to[i]! - from[i]!;
    const members = sets[set[i]!]!;
    any += pages;
    if (members.length > 1) shared += pages;
    for (const reach of members) own.set(reach, (own.get(reach) ?? 0) + pages);
  }
  return { any, shared, own };
}
