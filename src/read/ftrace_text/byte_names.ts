/** Runs of bytes that recur, as numbers: a string is made once for each distinct run, not once a line. */

/** A hash table whose keys are copies of bytes. */
export class ByteNames {
  #slots = new Int32Array(256).fill(-1);
  #bytes = new Uint8Array(4096);
  #used = 0;
  readonly #hash: number[] = [];
  readonly #from: number[] = [];
  readonly #value: number[] = [];
  readonly #max: number;

  /** @param max how many runs are kept; `add` refuses more, so that memory stays bounded. */
  constructor(max: number) {
    this.#max = max;
  }

  /** @returns the number kept for bytes [from, to), -1 when there is none. `hash` is `step` over the same bytes. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = (hash ^ (hash >>> 13)) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (entry === -1) return -1;
      if (this.#hash[entry] === hash && this.#equal(entry, bytes, from, to)) return this.#value[entry]!;
    }
  }

  /** Keep `value` for bytes [from, to), which `find` did not know. @returns false when the table is full. */
  add(bytes: Uint8Array, from: number, to: number, hash: number, value: number): boolean {
    if (this.#value.length >= this.#max) return false;
    if (this.#value.length * 2 >= this.#slots.length) this.#grow();
    while (this.#used + to - from > this.#bytes.length) {
      const more = new Uint8Array(this.#bytes.length * 2);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes.set(bytes.subarray(from, to), this.#used);
    this.#from.push(this.#used);
    this.#used += to - from;
    this.#hash.push(hash);
    this.#value.push(value);
    this.#place(this.#value.length - 1);
    return true;
  }

  #equal(entry: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#from[entry]!;
    const end = entry + 1 < this.#from.length ? this.#from[entry + 1]! : this.#used;
    if (end - start !== to - from) return false;
    for (let i = start, j = from; i < end; i++, j++) if (this.#bytes[i] !== bytes[j]) return false;
    return true;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    const hash = this.#hash[entry]!;
    let slot = (hash ^ (hash >>> 13)) & mask;
    while (this.#slots[slot] !== -1) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let entry = 0; entry < this.#value.length; entry++) this.#place(entry);
  }
}
