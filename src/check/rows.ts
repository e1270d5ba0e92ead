/**
 * The states that were found: each is a row of content numbers, one for each part. Rows are compared number by number.
 *
 * Parts may come while the search goes on; rows found before hold content 0 of them, which is how they stood then.
 */

/** What part `part` with content `number` adds to a row's sum; nothing for its start, so that a new part changes no sum. */
export function share(part: number, number: number): number {
  if (number === 0) return 0;
  let x = Math.imul(number, 0x21f0aaad) ^ Math.imul(part + 1, 0x735a2d97);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
  return x ^ (x >>> 13);
}

export class Rows {
  /** Numbers of a row; those beyond the parts are 0. */
  #width: number;
  #numbers: Int32Array;
  #sums = new Int32Array(256);
  #slots = new Int32Array(512);
  #count = 0;

  constructor(partCount: number) {
    this.#width = Math.max(4, partCount);
    this.#numbers = new Int32Array(this.#width * 256);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#numbers.byteLength + this.#sums.byteLength + this.#slots.byteLength;
  }

  at(row: number, part: number): number {
    return part < this.#width ? this.#numbers[row * this.#width + part]! : 0;
  }

  sumOf(row: number): number {
    return this.#sums[row]!;
  }

  /**
   * @param row numbers of `partCount` parts, with their sum of shares
   * @returns its index; a new one is `count` as it was before.
   */
  indexOf(row: Int32Array, partCount: number, sum: number): number {
    if (partCount > this.#width) this.#widen(partCount);
    const mask = this.#slots.length - 1;
    let slot = spread(sum) & mask;
    for (;;) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) break;
      if (this.#sums[index] === sum && this.#isAt(index, row, partCount)) return index;
      slot = (slot + 1) & mask;
    }
    return this.#add(row, partCount, sum, slot);
  }

  #isAt(index: number, row: Int32Array, partCount: number): boolean {
    const at = index * this.#width;
    for (let part = 0; part < partCount; part++) if (this.#numbers[at + part] !== row[part]) return false;
    return true;
  }

  #add(row: Int32Array, partCount: number, sum: number, slot: number): number {
    const index = this.#count++;
    if (index === this.#sums.length) {
      this.#numbers = larger(this.#numbers);
      this.#sums = larger(this.#sums);
    }
    const at = index * this.#width;
    for (let part = 0; part < partCount; part++) this.#numbers[at + part] = row[part]!;
    this.#sums[index] = sum;
    this.#slots[slot] = index + 1;
    if (this.#count * 2 > this.#slots.length) {
      const slots = new Int32Array(this.#slots.length * 2);
      const mask = slots.length - 1;
      for (let i = 0; i < this.#count; i++) {
        let at = spread(this.#sums[i]!) & mask;
        while (slots[at] !== 0) at = (at + 1) & mask;
        slots[at] = i + 1;
      }
      this.#slots = slots;
    }
    return index;
  }

  #widen(partCount: number): void {
    const width = Math.ceil((partCount + 4) / 4) * 4;
    const numbers = new Int32Array((this.#numbers.length / this.#width) * width);
    for (let i = 0; i < this.#count; i++) {
      numbers.set(this.#numbers.subarray(i * this.#width, (i + 1) * this.#width), i * width);
    }
    this.#numbers = numbers;
    this.#width = width;
  }
}

function spread(sum: number): number {
  return Math.imul(sum ^ (sum >>> 16), 0x9e3779b1) >>> 4;
}

function larger(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}
