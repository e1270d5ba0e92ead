/**
 * Numbers in queues by a hash, first in, first out: a hash table whose chains keep the order in which they were made, so that
 * the oldest of several alike is found first.
 *
 * Each chain is a ring, known by its last number; what follows the last is the first.
 */
import { u64High } from "../../../base/u64.js";
import { longer } from "../contracts/columns.js";
import { none } from "../contracts/operation.js";

const firstCapacity = 1024;

export class Queues {
  /** Last number of each chain; a power of two of them. */
  #lasts = new Int32Array(firstCapacity).fill(none);
  #next = new Int32Array(firstCapacity);
  #hashes = new Int32Array(firstCapacity);
  #count = 0;

  /** Append a number, which is in no queue, to the queue of a hash (any 32 bits). */
  add(n: number, hash: number): void {
    if (n >= this.#next.length) this.#makeRoom(n);
    if (this.#count >= this.#lasts.length) this.#spread();
    this.#hashes[n] = hash;
    this.#append(n);
    this.#count++;
  }

  /** The last number of a hash's chain, which also holds numbers of other hashes; none when it is empty. */
  last(hash: number): number {
    return this.#lasts[hash & (this.#lasts.length - 1)]!;
  }

  /** The number after one of a chain; after the last comes the first. */
  after(n: number): number {
    return this.#next[n]!;
  }

  /** Take out the number that follows `before` in its chain. */
  removeAfter(before: number): void {
    const n = this.#next[before]!;
    const chain = this.#hashes[n]! & (this.#lasts.length - 1);
    if (n === before) this.#lasts[chain] = none;
    else {
      this.#next[before] = this.#next[n]!;
      if (this.#lasts[chain] === n) this.#lasts[chain] = before;
    }
    this.#count--;
  }

  /** All numbers, those of one hash in their order. */
  *[Symbol.iterator](): Iterator<number> {
    for (const last of this.#lasts) {
      if (last === none) continue;
      for (let n = this.#next[last]!; ; n = this.#next[n]!) {
        yield n;
        if (n === last) break;
      }
    }
  }

  #append(n: number): void {
    const chain = this.#hashes[n]! & (this.#lasts.length - 1);
    const last = this.#lasts[chain]!;
    if (last === none) this.#next[n] = n;
    else {
      this.#next[n] = this.#next[last]!;
      this.#next[last] = n;
    }
    this.#lasts[chain] = n;
  }

  /** Chains stay short: twice as many for the same numbers. */
  #spread(): void {
    const all = [...this];
    this.#lasts = new Int32Array(2 * this.#lasts.length).fill(none);
    for (const n of all) this.#append(n);
  }

  #makeRoom(n: number): void {
    const length = 2 * Math.max(n, this.#next.length);
    this.#next = longer(this.#next, length);
    this.#hashes = longer(this.#hashes, length);
  }
}

/** A hash of a device's address. Addresses may be any doubles. */
export function hashOf(device: number, address: number): number {
  let h = Math.imul(address | 0, 0x9e3779b1) ^ Math.imul(u64High(address) | 0, 0x85ebca6b);
  h ^= Math.imul(device, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
