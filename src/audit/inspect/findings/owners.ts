/** Which tables reach into a stretch of memory. */
import type { ReverseIndex } from "../facts/reverse_index.js";
import type { Stretch } from "../stretch.js";

/** One table: an owner group of the index, the bytes of its rows in the stretch, and the first of them. */
export interface OwnerWithin {
  readonly owner: number;
  readonly bytes: number;
  readonly first: number;
}

/** @param need 1 = read, 2 = write */
export function ownersWithin(index: ReverseIndex, { from, to }: Stretch, need: 1 | 2): OwnerWithin[] {
  let rows = new Int32Array(4096);
  const count = index.rowsWithin(from, to, rows);
  if (count > rows.length) {
    rows = new Int32Array(count);
    index.rowsWithin(from, to, rows);
  }
  const owners = new Map<number, { owner: number; bytes: number; first: number }>();
  for (const row of rows.subarray(0, count)) {
    if ((index.allow[row]! & need) === 0) continue;
    const first = Math.max(from, index.paddr[row]!);
    const bytes = Math.min(to, index.paddr[row]! + index.bytes[row]!) - first;
    const owner = index.owner[row]!;
    const known = owners.get(owner);
    if (known === undefined) owners.set(owner, { owner, bytes, first });
    else {
      known.bytes += bytes;
      known.first = Math.min(known.first, first);
    }
  }
  return [...owners.values()];
}
