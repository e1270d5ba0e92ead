/**
 * Device names straight from the bytes of a record, as numbers: hashed and compared word by word, so that a name
 * becomes a string once.
 */
import type { Names } from "../names.js";

const firstSlots = 256;
/** More distinct names than any machine has devices: a damaged file. */
const mostNames = 65536;
const mostBytes = 1 << 22;

export class DeviceTable {
  readonly #names: Names;
  /** Open addressing: number of an entry plus one, 0 free. */
  #slots = new Int32Array(firstSlots);
  /** Of each entry: its hash, length, first word in `#words`, and number in `#names`. */
  #hash = new Int32Array(firstSlots);
  #length = new Int32Array(firstSlots);
  #first = new Int32Array(firstSlots);
  #id = new Int32Array(firstSlots);
  #count = 0;
  #words = new Int32Array(1024);
  #used = 0;

  constructor(names: Names) {
    this.#names = names;
  }

  /**
   * @param length bytes from `at`, a closing zero included; three bytes beyond them can be read.
   * @returns the number of the name in `names`; -1 when there is no name, or no room for another.
   */
  id(view: DataView, at: number, length: number): number {
    if (length <= 1) return -1;
    let hash = length;
    const wholeEnd = at + (length & ~3);
    for (let p = at; p < wholeEnd; p += 4) hash = Math.imul(hash ^ view.getInt32(p, true), 0x9e3779b1);
    hash = Math.imul(hash ^ lastWord(view, wholeEnd, length), 0x85ebca6b);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return this.#add(view, at, length, hash, slot);
      if (this.#hash[entry] === hash && this.#equals(entry, view, at, length)) return this.#id[entry]!;
    }
  }

  #equals(entry: number, view: DataView, at: number, length: number): boolean {
    if (this.#length[entry] !== length) return false;
    let word = this.#first[entry]!;
    const wholeEnd = at + (length & ~3);
    for (let p = at; p < wholeEnd; p += 4) if (this.#words[word++] !== view.getInt32(p, true)) return false;
    return this.#words[word] === lastWord(view, wholeEnd, length);
  }

  #add(view: DataView, at: number, length: number, hash: number, slot: number): number {
    if (this.#count === mostNames || this.#used * 4 + length > mostBytes) return -1;
    const wordCount = (length >>> 2) + 1;
    while (this.#used + wordCount > this.#words.length) this.#words = doubled(this.#words);
    if (this.#count === this.#hash.length) {
      this.#hash = doubled(this.#hash);
      this.#length = doubled(this.#length);
      this.#first = doubled(this.#first);
      this.#id = doubled(this.#id);
    }
    const entry = this.#count++;
    this.#hash[entry] = hash;
    this.#length[entry] = length;
    this.#first[entry] = this.#used;
    const wholeEnd = at + (length & ~3);
    for (let p = at; p < wholeEnd; p += 4) this.#words[this.#used++] = view.getInt32(p, true);
    this.#words[this.#used++] = lastWord(view, wholeEnd, length);
    this.#slots[slot] = entry + 1;
    const id = this.#names.id(text(view, at, length));
    this.#id[entry] = id;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      let slot = this.#hash[entry]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
    this.#slots = slots;
  }
}

/** The one to three bytes behind the last whole word, 0 for none. */
function lastWord(view: DataView, wholeEnd: number, length: number): number {
  const rest = length & 3;
  return rest === 0 ? 0 : view.getInt32(wholeEnd, true) & ((1 << (rest * 8)) - 1);
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

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const more = new Int32Array(column.length * 2);
  more.set(column);
  return more;
}
