/**
 * Device names straight from the bytes of a record, as numbers: found by hash and compared with the bytes kept, so that
 * a name becomes a string once.
 */
import type { Names } from "../names.js";

const firstSlots = 256;
/** More distinct names than any machine has devices: a damaged file. */
const mostNames = 65536;
const mostBytes = 1 << 22;

/** Numbers kept of a name: its hash, its length, where its bytes are kept, and its number in `Names`. */
const entryStride = 4;

export class DeviceTable {
  readonly #names: Names;
  /** Open addressing: number of an entry plus one, 0 free. */
  #slots = new Int32Array(firstSlots);
  #entries = new Int32Array(firstSlots * entryStride);
  /** Of each entry of 9 to 16 bytes: its first and its last eight, to compare two at once. */
  #ends = new Float64Array(firstSlots * 2);
  #count = 0;
  /** The name found last, of 9 to 16 bytes: the next event most often is of the same device. */
  #lastLength = -1;
  #lastFirst = 0;
  #lastEnd = 0;
  #lastId = -1;
  #kept = new DataView(new ArrayBuffer(4096));
  #used = 0;

  constructor(names: Names) {
    this.#names = names;
  }

  /**
   * @param length bytes from `at`, a closing zero included.
   * @returns the number of the name in `names`; -1 when there is no name, or no room for another.
   */
  id(view: DataView, at: number, length: number): number {
    if (
      length === this.#lastLength &&
      view.getFloat64(at, true) === this.#lastFirst &&
      view.getFloat64(at + length - 8, true) === this.#lastEnd
    ) {
      return this.#lastId;
    }
    const hash = hashOf(view, at, length);
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = slots.length - 1;
    const entry = slots[hash & mask]! - 1;
    if (entry >= 0 && entries[entry * entryStride + 1] === length && length >= 9 && length <= 16) {
      // Characters are never those of a NaN, so that equal doubles are equal bytes; any others take the slow way.
      const ends = this.#ends;
      if (
        ends[entry * 2] === view.getFloat64(at, true) &&
        ends[entry * 2 + 1] === view.getFloat64(at + length - 8, true)
      ) {
        this.#lastLength = length;
        this.#lastFirst = ends[entry * 2]!;
        this.#lastEnd = ends[entry * 2 + 1]!;
        this.#lastId = entries[entry * entryStride + 3]!;
        return this.#lastId;
      }
    }
    return this.#search(view, at, length, hash);
  }

  #search(view: DataView, at: number, length: number, hash: number): number {
    const entries = this.#entries;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return this.#add(view, at, length, hash, slot);
      const e = entry * entryStride;
      if (entries[e] !== hash || entries[e + 1] !== length) continue;
      if (equal(this.#kept, entries[e + 2]!, view, at, length)) return entries[e + 3]!;
    }
  }

  #add(view: DataView, at: number, length: number, hash: number, slot: number): number {
    if (length <= 1 || this.#count === mostNames || this.#used + length > mostBytes) return -1;
    while (this.#used + length > this.#kept.byteLength) {
      const more = new Uint8Array(this.#kept.byteLength * 2);
      more.set(new Uint8Array(this.#kept.buffer));
      this.#kept = new DataView(more.buffer);
    }
    if (this.#count * entryStride === this.#entries.length) {
      const more = new Int32Array(this.#entries.length * 2);
      more.set(this.#entries);
      this.#entries = more;
      const ends = new Float64Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    const entry = this.#count++;
    const id = this.#names.id(text(view, at, length));
    this.#entries.set([hash, length, this.#used, id], entry * entryStride);
    if (length >= 9) this.#ends.set([view.getFloat64(at, true), view.getFloat64(at + length - 8, true)], entry * 2);
    for (let p = 0; p < length; p++) this.#kept.setUint8(this.#used++, view.getUint8(at + p));
    this.#slots[slot] = entry + 1;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      let slot = this.#entries[entry * entryStride]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}

/** Of the last eight bytes before the closing zero: what tells the devices of a machine apart. */
function hashOf(view: DataView, at: number, length: number): number {
  if (length < 9) {
    let hash = length;
    for (let p = at; p < at + length; p++) hash = Math.imul(hash ^ view.getUint8(p), 0x9e3779b1);
    return hash;
  }
  const end = at + length;
  const hash = Math.imul(
    view.getInt32(end - 5, true) ^ Math.imul(view.getInt32(end - 9, true), 0x85ebca6b),
    0x9e3779b1,
  );
  return (hash ^ (hash >>> 15)) + length;
}

function equal(kept: DataView, from: number, view: DataView, at: number, length: number): boolean {
  let p = 0;
  for (; p + 4 <= length; p += 4) if (kept.getInt32(from + p, true) !== view.getInt32(at + p, true)) return false;
  for (; p < length; p++) if (kept.getUint8(from + p) !== view.getUint8(at + p)) return false;
  return true;
}

/** Up to the first zero byte. */
function text(view: DataView, at: number, length: number): string {
  let name = "";
  for (let p = at; p < at + length; p++) {
    const c = view.getUint8(p);
    if (c === 0) break;
    name += String.fromCharCode(c);
  }
  return name;
}
