/** Hash chains over small whole numbers: which nodes share a key, with insertion and removal in constant time. */

const none = -1;

/** Mix a device and a 4 KiB frame number (up to 2^52) into 32 bits. */
export function mixed(device: number, frame: number): number {
  let h =
    Math.imul(frame | 0, 0x9e3779b1) ^ Math.imul((frame / 2 ** 32) | 0, 0x85ebca6b) ^ Math.imul(device + 1, 0xc2b2ae35);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/**
 * Chains of nodes by hash. A node is in at most one chain; the newest is first.
 * Keys are not kept: whoever walks a chain compares the keys itself.
 */
export class Chains {
  #heads: Int32Array;
  #next: Int32Array;
  #previous: Int32Array;
  #hash: Uint32Array;
  #mask: number;

  /** @param capacity nodes 0 to capacity - 1 exist; a power of two. */
  constructor(capacity: number) {
    this.#heads = new Int32Array(capacity).fill(none);
    this.#next = new Int32Array(capacity).fill(none);
    this.#previous = new Int32Array(capacity).fill(none);
    this.#hash = new Uint32Array(capacity);
    this.#mask = capacity - 1;
  }

  /** Make room for nodes up to `capacity` - 1, a power of two; the newest of a chain is first as before. */
  grow(capacity: number): void {
    const [heads, next, previous, hash] = [this.#heads, this.#next, this.#previous, this.#hash];
    this.#heads = new Int32Array(capacity).fill(none);
    this.#next = new Int32Array(capacity).fill(none);
    this.#previous = new Int32Array(capacity).fill(none);
    this.#hash = new Uint32Array(capacity);
    this.#mask = capacity - 1;
    for (const head of heads) {
      let oldest = none;
      for (let node = head; node !== none; node = next[node]!) oldest = node;
      for (let node = oldest; node !== none; node = previous[node]!) this.insert(node, hash[node]!);
    }
  }

  /** @returns the newest node of the chain, -1 when it is empty. */
  first(hash: number): number {
    return this.#heads[hash & this.#mask]!;
  }

  /** @returns the next older node, -1 after the last. */
  next(node: number): number {
    return this.#next[node]!;
  }

  insert(node: number, hash: number): void {
    const bucket = hash & this.#mask,
      head = this.#heads[bucket]!;
    this.#hash[node] = hash;
    this.#next[node] = head;
    this.#previous[node] = none;
    if (head !== none) this.#previous[head] = node;
    this.#heads[bucket] = node;
  }

  remove(node: number): void {
    const before = this.#previous[node]!,
      after = this.#next[node]!;
    if (before === none) this.#heads[this.#hash[node]! & this.#mask] = after;
    else this.#next[before] = after;
    if (after !== none) this.#previous[after] = before;
    this.#next[node] = none;
    this.#previous[node] = none;
  }
}
