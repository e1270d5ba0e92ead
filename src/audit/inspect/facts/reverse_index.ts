/**
 * The reverse question: who reaches this physical address? Built once from every device's ranges.
 *
 * Devices that share a table share its rows. Rows are sorted by physical address; above them lies a tree of the
 * highest end below each node, and beside them the highest end so far, so that a look-up goes back from the last row
 * that begins before the address, skips what ends before it, and stops where nothing reaches so far.
 */
import { frameBytes } from "../../../base/frame.js";
import { grouped } from "../../../base/grouped.js";
import type { Ranges } from "../../../table/ranges.js";
import { Allow } from "../../../table/root.js";

const pageBytes = frameBytes;

/** What the index needs of a device. */
export interface Reacher {
  /** null: not translated. */
  readonly ranges: Ranges | null;
  readonly state: "translated" | "identity" | "bypass" | "blocked";
  /** What passes where nothing is translated. */
  readonly allow: Allow;
}

/** One way to an address. */
export interface Hit {
  /** Index into the devices that the index was built from. */
  readonly device: number;
  /**
   * The device's own address for it; the physical address itself for a device that is not translated. A bigint where a
   * number would not be exact.
   */
  readonly iova: number | bigint;
  readonly allow: Allow;
  /** translated: through `iova` in its table. untranslated: it reaches all of memory. */
  readonly through: "translated" | "untranslated";
}

export class ReverseIndex {
  /** Devices that are not translated and may read or write: they reach everything. */
  readonly everywhere: readonly number[];
  /** Tables that are told apart, and the devices of each. */
  readonly owners: readonly (readonly number[])[];
  /** Rows, ascending by physical address: bytes, and the owner group. */
  readonly paddr: Float64Array;
  readonly bytes: Float64Array;
  readonly iova: Float64Array;
  readonly allow: Uint8Array;
  readonly owner: Int32Array;
  readonly #devices: readonly Reacher[];
  /** highest[l][k]: the highest end of rows k << l to (k + 1 << l) - 1. */
  readonly #highest: readonly Float64Array[];
  /** The highest end of rows 0 to k. */
  readonly #reach: Float64Array;
  /** How many rows begin before k times the bucket's bytes: where a search begins. */
  readonly #buckets: Int32Array;
  readonly #bucketBytes: number;

  constructor(devices: readonly Reacher[]) {
    this.#devices = devices;
    const all = [...devices.keys()];
    this.everywhere = all.filter((i) => {
      const { ranges, state, allow } = devices[i]!;
      return ranges === null && (state === "identity" || state === "bypass") && allow !== Allow.none;
    });
    const translated = all.filter((i) => devices[i]!.ranges !== null);
    const groups = grouped(translated, (i) => devices[i]!.ranges!);
    this.owners = [...groups.values()];
    const tables = [...groups.keys()];
    const total = tables.reduce((sum, t) => sum + t.count, 0);
    const order = sortedRows(tables, total);
    this.paddr = new Float64Array(total);
    this.bytes = new Float64Array(total);
    this.iova = new Float64Array(total);
    this.allow = new Uint8Array(total);
    this.owner = new Int32Array(total);
    for (let n = 0; n < total; n++) {
      const group = order.group[n]!;
      const row = order.row[n]!;
      const from = tables[group]!;
      this.paddr[n] = from.paddr[row]!;
      this.bytes[n] = from.bytes[row]!;
      this.iova[n] = from.iova[row]!;
      this.allow[n] = from.allow[row]!;
      this.owner[n] = group;
    }
    this.#highest = highestEnds(this.paddr, this.bytes);
    this.#reach = this.#highest[0]!.slice();
    for (let n = 1; n < total; n++) this.#reach[n] = Math.max(this.#reach[n]!, this.#reach[n - 1]!);
    this.#bucketBytes = pageBytes;
    const last = this.paddr[total - 1] ?? 0;
    while (last / this.#bucketBytes > Math.max(16, total)) this.#bucketBytes *= 2;
    this.#buckets = new Int32Array(Math.floor(last / this.#bucketBytes) + 2).fill(total);
    for (let n = total - 1; n >= 0; n--) this.#buckets[Math.floor(this.paddr[n]! / this.#bucketBytes)] = n;
    for (let k = this.#buckets.length - 2; k >= 0; k--) {
      this.#buckets[k] = Math.min(this.#buckets[k]!, this.#buckets[k + 1]!);
    }
  }

  /** Rows in the index: one for each merged range of each table. */
  get count(): number {
    return this.paddr.length;
  }

  /**
   * Write the rows that hold the byte at `paddr` into `rows`, descending.
   * @returns how many there are; those beyond the length of `rows` are counted only.
   */
  rowsAt(paddr: number, rows: Int32Array): number {
    return this.#visit(this.#startingBefore(paddr, true), paddr, rows);
  }

  /** Rows that share at least one byte with [from, to), as `rowsAt`. */
  rowsWithin(from: number, to: number, rows: Int32Array): number {
    return this.#visit(this.#startingBefore(to, false), from, rows);
  }

  /** Everyone who reaches the byte at `paddr`: devices that are translated first, then those that are not. */
  at(paddr: number): Hit[] {
    let rows = new Int32Array(64);
    const count = this.rowsAt(paddr, rows);
    if (count > rows.length) {
      rows = new Int32Array(count);
      this.rowsAt(paddr, rows);
    }
    const hits: Hit[] = [];
    for (const row of rows.subarray(0, count)) {
      const iova = exactSum(this.iova[row]!, paddr - this.paddr[row]!);
      const allow = this.allow[row]! as Allow;
      for (const device of this.owners[this.owner[row]!]!) hits.push({ device, iova, allow, through: "translated" });
    }
    hits.sort((a, b) => a.device - b.device || (a.iova < b.iova ? -1 : 1));
    for (const device of this.everywhere) {
      hits.push({ device, iova: paddr, allow: this.#devices[device]!.allow, through: "untranslated" });
    }
    return hits;
  }

  /** How many rows start before `to`, or at it too. */
  #startingBefore(to: number, orAt: boolean): number {
    const starts = this.paddr;
    const bucket = Math.floor(to / this.#bucketBytes);
    let low = this.#buckets[bucket] ?? starts.length;
    let high = this.#buckets[bucket + 1] ?? starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = starts[middle]!;
      if (start < to || (orAt && start === to)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Rows before `end` that end after `paddr`, the last first. Goes through the tree without a stack. */
  #visit(end: number, paddr: number, rows: Int32Array): number {
    let count = 0;
    let level = 0;
    const top = this.#highest.length - 1;
    for (let row = end - 1; row >= 0 && this.#reach[row]! > paddr; ) {
      // The highest node whose last row this is, and then down to one that does not reach so far, or to the row.
      while (level < top && ((row + 1) & ((2 << level) - 1)) === 0) level++;
      while (level > 0 && this.#highest[level]![row >>> level]! > paddr) level--;
      if (level === 0 && this.#highest[0]![row]! > paddr) {
        if (count < rows.length) rows[count] = row;
        count++;
      }
      row = ((row >>> level) << level) - 1;
    }
    return count;
  }
}

/** @param start a multiple of 4096, exact up to 2^64 */
const exactSum = (start: number, offset: number): number | bigint =>
  start + offset <= Number.MAX_SAFE_INTEGER ? start + offset : BigInt(start) + BigInt(offset);

/** Which group and row stands at each place, by physical address, then group, then row. */
function sortedRows(tables: readonly Ranges[], total: number): { group: Int32Array; row: Int32Array } {
  const group = new Int32Array(total);
  const row = new Int32Array(total);
  const start = new Float64Array(total);
  let n = 0;
  for (const [g, table] of tables.entries()) {
    for (let r = 0; r < table.count; r++, n++) {
      group[n] = g;
      row[n] = r;
      start[n] = table.paddr[r]!;
    }
  }
  const order = orderOf(start);
  return { group: order.map((i) => group[i]!), row: order.map((i) => row[i]!) };
}

/** Places of the values in ascending order; of equal ones in their own. Values are multiples of 4096. */
function orderOf(values: Float64Array): Int32Array {
  const count = values.length;
  const frameMax = values.reduce((most, v) => Math.max(most, v), 0) / pageBytes;
  if ((frameMax + 1) * count > Number.MAX_SAFE_INTEGER) {
    return new Int32Array(count).map((_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b);
  }
  // Value and place in one number: sorted without a call for each comparison, several times faster.
  const keys = values.map((v, i) => (v / pageBytes) * count + i).sort();
  return Int32Array.from(keys, (key) => key % count);
}

function highestEnds(paddr: Float64Array, bytes: Float64Array): Float64Array[] {
  const levels = [paddr.map((p, i) => p + bytes[i]!)];
  while (levels.at(-1)!.length > 1) {
    const below = levels.at(-1)!;
    const above = new Float64Array((below.length + 1) >>> 1);
    for (let k = 0; k < above.length; k++) above[k] = Math.max(below[2 * k]!, below[2 * k + 1] ?? 0);
    levels.push(above);
  }
  return levels;
}
