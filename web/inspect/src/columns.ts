/** The inverse of the columns in which ranges travel. Everything is counted in pages of 4 KiB. */

/** Reads numbers of seven bits to a byte. */
class NumberReader {
  readonly #bytes: string;
  #at = 0;

  constructor(base64: string) {
    this.#bytes = atob(base64);
  }

  next(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#bytes.charCodeAt(this.#at++);
      if (!(byte >= 128)) return value + (byte || 0) * weight;
      value += (byte - 128) * weight;
    }
  }

  nextSigned(): number {
    const value = this.next();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** Translations; row n is the nth of every column. */
export interface Rows {
  readonly count: number;
  readonly iova: Float64Array;
  readonly paddr: Float64Array;
  readonly pages: Float64Array;
  readonly allow: Uint8Array;
}

export function decodeRows(base64: string, count: number): Rows {
  const reader = new NumberReader(base64);
  const column = () => new Float64Array(count);
  const rows = { count, iova: column(), paddr: column(), pages: column(), allow: new Uint8Array(count) };
  let iova = 0;
  let paddr = 0;
  for (let row = 0; row < count; row++) {
    rows.iova[row] = iova += reader.nextSigned();
    rows.paddr[row] = paddr += reader.nextSigned();
    rows.pages[row] = reader.next();
    rows.allow[row] = reader.next();
    iova += rows.pages[row]!;
    paddr += rows.pages[row]!;
  }
  return rows;
}

/** Stretches of physical memory, ascending and apart from each other. */
export interface Blocks {
  readonly count: number;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

export function decodeBlocks(base64: string, count: number): Blocks {
  const reader = new NumberReader(base64);
  const blocks = { count, from: new Float64Array(count), to: new Float64Array(count) };
  let at = 0;
  for (let i = 0; i < count; i++) {
    blocks.from[i] = at += reader.next();
    blocks.to[i] = at += reader.next();
  }
  return blocks;
}

/** How many blocks begin at or before the page. */
export function blocksUpTo(from: Float64Array, count: number, page: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (from[middle]! <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function isWithin(blocks: Blocks, page: number): boolean {
  const before = blocksUpTo(blocks.from, blocks.count, page) - 1;
  return before >= 0 && page < blocks.to[before]!;
}
