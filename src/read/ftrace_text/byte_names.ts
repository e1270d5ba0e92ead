/** Runs of bytes that recur, as numbers: a string is made once for each distinct run, not once a line. */

/** @returns a hash of bytes [from, to), four at a time; the view must reach three bytes past `to`. */
export function hashBytes(view: DataView, from: number, to: number): number {
  let hash = to - from;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  if (at < to) {
    hash = Math.imul(hash ^ (view.getInt32(at, true) & tailMask(to - at)), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

/** Bits of the first `count` bytes, 1 to 3, of a little-endian word. */
function tailMask(count: number): number {
  return (1 << (8 * count)) - 1;
}

/** A hash table whose keys are copies of bytes, kept as words of four. */
export class ByteNames {
  #slots = new Int32Array(256).fill(-1);
  #words = new Int32Array(1024);
  #used = 0;
  readonly #hash: number[] = [];
  readonly #from: number[] = [];
  readonly #length: number[] = [];
  readonly #value: number[] = [];
  readonly #max: number;

  /** @param max how many runs are kept; `add` refuses more, so that memory stays bounded. */
  constructor(max: number) {
    this.#max = max;
  }

  /** @returns the number kept for bytes [from, to), -1 when there is none. `hash` is their `hashBytes`. */
  find(view: DataView, from: number, to: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (entry === -1) return -1;
      if (this.#hash[entry] === hash && this.#equal(entry, view, from, to)) return this.#value[entry]!;
    }
  }

  /** Keep `value` for bytes [from, to), which `find` did not know. @returns false when the table is full. */
  add(view: DataView, from: number, to: number, hash: number, value: number): boolean {
    if (this.#value.length >= this.#max) return false;
    if (this.#value.length * 2 >= this.#slots.length) this.#grow();
    const count = (to - from + 3) >> 2;
    while (this.#used + count > this.#words.length) {
      const more = new Int32Array(this.#words.length * 2);
      more.set(this.#words);
      this.#words = more;
    }
    this.#from.push(this.#used);
    for (let at = from; at < to; at += 4) {
      const word = view.getInt32(at, true);
      this.#words[this.#used++] = to - at < 4 ? word & tailMask(to - at) : word;
    }
    this.#length.push(to - from);
    this.#hash.push(hash);
    this.#value.push(value);
    this.#place(this.#value.length - 1);
    return true;
  }

  #equal(entry: number, view: DataView, from: number, to: number): boolean {
    if (this.#length[entry] !== to - from) return false;
    const words = this.#words;
    let i = this.#from[entry]!;
    let at = from;
    for (; at + 4 <= to; at += 4) if (words[i++] !== view.getInt32(at, true)) return false;
    return at === to || words[i] === (view.getInt32(at, true) & tailMask(to - at));
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hash[entry]! & mask;
    while (this.#slots[slot] !== -1) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let entry = 0; entry < this.#value.length; entry++) this.#place(entry);
  }
}
