/** Memory that devices with different tables reach: one sweep over all rows by physical address. */

import type { Known } from "../facts/known.js";
import { holes } from "../places/outside.js";
import { without } from "../places/places.js";
import type { Stretch } from "../stretch.js";

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
  const sweep = new Sweep(index.owners.length, known.places);
  for (let row = 0; row < index.count; row++) {
    if (known.whole === true && !isHeld(known, row)) continue;
    sweep.begin(index.paddr[row]!, index.paddr[row]! + index.bytes[row]!, index.owner[row]!);
  }
  sweep.endAll();
  return [...sweep.found.values()].sort((a, b) => b.bytes - a.bytes);
}

type Found = { -readonly [K in keyof SharedPlace]: SharedPlace[K] } & { to: number };

/** Goes through memory once: rows begin in ascending order, and end in the order of their ends. */
class Sweep {
  readonly found = new Map<string, Found>();
  /** Rows that are open, a heap with the lowest end first: its end and its owner. */
  readonly #ends: number[] = [];
  readonly #ownerOf: number[] = [];
  /** Open rows of each owner, and the owners that have any. */
  readonly #depth: Int32Array;
  readonly #active = new Set<number>();
  /** What has a name and is no memory: rules about places tell of it. */
  readonly #places: readonly Stretch[];
  #at = 0;

  constructor(ownerCount: number, places: readonly Stretch[]) {
    this.#places = places;
    this.#depth = new Int32Array(ownerCount);
  }

  begin(from: number, to: number, owner: number): void {
    this.#endUpTo(from);
    this.#goOn(from);
    if (this.#depth[owner]!++ === 0) this.#active.add(owner);
    this.#push(to, owner);
  }

  endAll(): void {
    this.#endUpTo(Number.POSITIVE_INFINITY);
  }

  #endUpTo(limit: number): void {
    while (this.#ends.length > 0 && this.#ends[0]! <= limit) {
      this.#goOn(this.#ends[0]!);
      const owner = this.#pop();
      if (--this.#depth[owner]! === 0) this.#active.delete(owner);
    }
  }

  /** What lies between here and `next` is reached by those that are open. */
  #goOn(next: number): void {
    const at = this.#at;
    this.#at = next;
    if (this.#active.size < 2 || next <= at) return;
    const owners = [...this.#active].slice(0, ownersMax).sort((a, b) => a - b);
    for (const part of without({ from: at, to: next }, this.#places)) this.#add(owners, part);
  }

  #add(owners: readonly number[], { from, to }: Stretch): void {
    const key = owners.join();
    const place = this.found.get(key);
    if (place !== undefined) {
      place.bytes += to - from;
      if (place.to !== from) place.places++;
      place.to = to;
    } else if (this.found.size < combinationsMax) {
      this.found.set(key, { owners, bytes: to - from, from, places: 1, to });
    }
  }

  #push(end: number, owner: number): void {
    let n = this.#ends.length;
    while (n > 0 && this.#ends[(n - 1) >> 1]! > end) {
      this.#ends[n] = this.#ends[(n - 1) >> 1]!;
      this.#ownerOf[n] = this.#ownerOf[(n - 1) >> 1]!;
      n = (n - 1) >> 1;
    }
    this.#ends[n] = end;
    this.#ownerOf[n] = owner;
  }

  /** @returns the owner of the row that ends first. */
  #pop(): number {
    const first = this.#ownerOf[0]!;
    const end = this.#ends.pop()!;
    const owner = this.#ownerOf.pop()!;
    const count = this.#ends.length;
    if (count === 0) return first;
    let n = 0;
    for (let below = 1; below < count; below = 2 * n + 1) {
      if (below + 1 < count && this.#ends[below + 1]! < this.#ends[below]!) below++;
      if (this.#ends[below]! >= end) break;
      this.#ends[n] = this.#ends[below]!;
      this.#ownerOf[n] = this.#ownerOf[below]!;
      n = below;
    }
    this.#ends[n] = end;
    this.#ownerOf[n] = owner;
    return first;
  }
}

/** What lies outside of memory is no memory that is shared: windows of devices, doorbells of interrupts. */
const isHeld = ({ index, runs }: Known, row: number): boolean =>
  holes(runs, { from: index.paddr[row]!, to: index.paddr[row]! + index.bytes[row]! }).length === 0;
