/** Memory that devices with different tables reach: one sweep over all rows by physical address. */

import type { Known } from "./known.js";
import { holes } from "./outside.js";

export interface SharedPlace {
  /** Owner groups of the reverse index. */
  readonly owners: readonly number[];
  readonly bytes: number;
  /** Where the first of them begins. */
  readonly from: number;
  /** How many separate places. */
  readonly places: number;
}

/** More groups than this in one place are told as the first of them. */
const ownersMax = 16;
/** Different combinations that are told apart. */
const combinationsMax = 100;

/** @returns one place for each combination of tables, largest first. */
export function sharedMemory(known: Known): SharedPlace[] {
  const { index } = known;
  const rows = [...index.paddr.keys()].filter((row) => known.whole !== true || isHeld(known, row));
  const ends = rows.toSorted((a, b) => endOf(known, a) - endOf(known, b));
  const depth = new Int32Array(index.owners.length);
  const active = new Set<number>();
  const found = new Map<string, { owners: number[]; bytes: number; from: number; places: number; to: number }>();
  let at = 0;
  for (let i = 0, j = 0; j < ends.length; ) {
    const start = i < rows.length ? index.paddr[rows[i]!]! : Number.POSITIVE_INFINITY;
    const end = endOf(known, ends[j]!);
    const next = Math.min(start, end);
    if (active.size > 1 && next > at) {
      const owners = [...active].slice(0, ownersMax).sort((a, b) => a - b);
      const key = owners.join();
      const place = found.get(key);
      if (place !== undefined) {
        place.bytes += next - at;
        if (place.to !== at) place.places++;
        place.to = next;
      } else if (found.size < combinationsMax) {
        found.set(key, { owners, bytes: next - at, from: at, places: 1, to: next });
      }
    }
    at = next;
    if (end <= start) {
      const owner = index.owner[ends[j++]!]!;
      if (--depth[owner]! === 0) active.delete(owner);
    } else {
      const owner = index.owner[rows[i++]!]!;
      if (depth[owner]!++ === 0) active.add(owner);
    }
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes);
}

const endOf = ({ index }: Known, row: number): number => index.paddr[row]! + index.bytes[row]!;

/** What lies outside of memory is no memory that is shared: windows of devices, doorbells of interrupts. */
const isHeld = ({ index, runs }: Known, row: number): boolean =>
  holes(runs, { from: index.paddr[row]!, to: index.paddr[row]! + index.bytes[row]! }).length === 0;
