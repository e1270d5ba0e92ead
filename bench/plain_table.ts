/**
 * The measure of the mapper: page tables as kernels keep them, level by level from the top at each call.
 *
 * One recursion for mapping and one for unmapping, each call of it one level: the shape of Linux's io-pgtable-arm. Words and
 * addresses are 32-bit halves here as well, so that a ratio is one of ways and not of arithmetic. Pages of 4 KiB, leaves at
 * levels 0 to 2, whole words of memory in one array.
 */

/** Bits of a format's entries, without their addresses. */
export interface PlainFormat {
  readonly presentMask: number;
  /** Of a leaf that may be read and written, by level: its two words. */
  readonly leaf: readonly (readonly [low: number, high: number])[];
  /** Of a pointer to a table, by the level of the pointer. */
  readonly table: readonly (readonly [low: number, high: number])[];
  readonly isTable: (low: number, level: number) => boolean;
}

const shiftOf = (level: number) => 12 + 9 * level;
/** Bytes of a leaf. */
const sizes = [0, 1, 2].map((level) => 2 ** shiftOf(level));
const indexOf = (low: number, high: number, level: number): number => {
  const shift = shiftOf(level);
  return (shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32)) & 511;
};
/** Index of the first word of what an entry points to. */
const wordOf = (low: number, high: number): number => ((low & ~0xfff) >>> 2) + (high & 0xf_ffff) * 2 ** 30;

export class PlainTable {
  readonly #words: Uint32Array;
  readonly #format: PlainFormat;
  readonly #level: number;
  readonly #top: number;
  readonly #allocate: () => number;

  /** @param allocate gives a frame of zeros */
  constructor(words: Uint32Array, format: PlainFormat, o: { top: number; level: number; allocate: () => number }) {
    this.#words = words;
    this.#format = format;
    this.#level = o.level;
    this.#top = o.top / 4;
    this.#allocate = o.allocate;
  }

  map(iova: number, paddr: number, bytes: number): void {
    for (let done = 0; done < bytes; ) {
      const [from, to] = [iova + done, paddr + done];
      const own = this.#levelFor(from | to, bytes - done);
      const size = sizes[own]!;
      const count = Math.floor((bytes - done) / size);
      done +=
        this.#map(this.#level, this.#top, from | 0, (from / 2 ** 32) | 0, to | 0, (to / 2 ** 32) | 0, own, count) *
        size;
    }
  }

  /** @returns bytes that are no longer mapped */
  unmap(iova: number, bytes: number): number {
    let done = 0;
    while (done < bytes) {
      const from = iova + done;
      const own = this.#levelFor(from | 0, bytes - done);
      const size = sizes[own]!;
      const gone = this.#unmap(
        this.#level,
        this.#top,
        from | 0,
        (from / 2 ** 32) | 0,
        own,
        Math.floor((bytes - done) / size),
      );
      if (gone === 0) return done;
      done += gone * size;
    }
    return done;
  }

  /** @returns the address behind an address; -1 for none */
  translate(iova: number): number {
    return this.#translate(this.#level, this.#top, iova | 0, (iova / 2 ** 32) | 0);
  }

  /** Source: what iommu_pgsize does for sizes of 4 KiB, 2 MiB and 1 GiB. */
  #levelFor(low: number, bytes: number): number {
    for (let level = 2; level > 0; level--)
      if (bytes >= sizes[level]! && (low & (sizes[level]! - 1)) === 0) return level;
    return 0;
  }

  /** @returns leaves */
  #map(
    level: number,
    table: number,
    low: number,
    high: number,
    toLow: number,
    toHigh: number,
    own: number,
    count: number,
  ): number {
    const words = this.#words;
    const index = indexOf(low, high, level);
    let at = table + index * 2;
    if (level === own) {
      const [leafLow, leafHigh] = this.#format.leaf[level]!;
      const most = Math.min(count, 512 - index);
      const step = sizes[level]!;
      let [l, h] = [toLow, toHigh];
      for (let n = 0; n < most; n++, at += 2) {
        if ((words[at]! & this.#format.presentMask) !== 0) throw new Error("mapped");
        words[at + 1] = leafHigh | h;
        words[at] = leafLow | l;
        l = (l + step) | 0;
        if (l >>> 0 < step) h++;
      }
      return most;
    }
    if ((words[at]! & this.#format.presentMask) === 0) {
      const address = this.#allocate() * 4096;
      const [tableLow, tableHigh] = this.#format.table[level]!;
      words[at + 1] = tableHigh | (address / 2 ** 32);
      words[at] = tableLow | address;
    } else if (!this.#format.isTable(words[at]!, level)) throw new Error("mapped");
    return this.#map(level - 1, wordOf(words[at]!, words[at + 1]!), low, high, toLow, toHigh, own, count);
  }

  /** @returns leaves that are gone */
  #unmap(level: number, table: number, low: number, high: number, own: number, count: number): number {
    const words = this.#words;
    const index = indexOf(low, high, level);
    let at = table + index * 2;
    if ((words[at]! & this.#format.presentMask) === 0) return 0;
    if (level === own && (level === 0 || !this.#format.isTable(words[at]!, level))) {
      const most = Math.min(count, 512 - index);
      let n = 0;
      for (; n < most && (words[at]! & this.#format.presentMask) !== 0; n++, at += 2) {
        words[at] = 0;
        words[at + 1] = 0;
      }
      return n;
    }
    if (!this.#format.isTable(words[at]!, level)) throw new Error("inside a leaf");
    return this.#unmap(level - 1, wordOf(words[at]!, words[at + 1]!), low, high, own, count);
  }

  #translate(level: number, table: number, low: number, high: number): number {
    const words = this.#words;
    const at = table + indexOf(low, high, level) * 2;
    if ((words[at]! & this.#format.presentMask) === 0) return -1;
    if (level > 0 && this.#format.isTable(words[at]!, level))
      return this.#translate(level - 1, wordOf(words[at]!, words[at + 1]!), low, high);
    const within = (sizes[level]! - 1) & low;
    return ((words[at]! & ~0xfff) >>> 0) + (words[at + 1]! & 0xf_ffff) * 2 ** 32 + within;
  }
}
