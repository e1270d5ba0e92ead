/**
 * What a disk must hold, sector by sector, as far as it is known.
 *
 * A sector is written whole or not at all (NVM Command Set Specification 1.0, 2.1.4: what a write leaves behind that
 * fails is some blocks with old data and some with new). After a write that failed each of its sectors is therefore
 * what it was before or what it should have become; a read that follows tells which, and until then either is right.
 */
export const sectorBytes = 512;

/** Contents of one sector that are kept side by side; beyond it the sector may hold anything. */
const othersMax = 8;

export class SectorContents {
  /** What each sector holds; of a sector with others, one of those that it may hold. */
  readonly #bytes: Uint8Array;
  /** What a sector may hold instead; null: anything. */
  readonly #others = new Map<number, Uint8Array[] | null>();

  constructor(sectors: number) {
    this.#bytes = new Uint8Array(sectors * sectorBytes);
  }

  /** Sectors of which it is not known what they hold. */
  get uncertain(): number {
    return this.#others.size;
  }

  /** A write of whole sectors has ended well. */
  wrote(sector: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, sector * sectorBytes);
    if (this.#others.size === 0) return;
    for (let n = 0; n < bytes.length / sectorBytes; n++) this.#others.delete(sector + n);
  }

  /** A write has failed, or nobody knows how it ended. */
  mayHaveWritten(sector: number, bytes: Uint8Array): void {
    for (let n = 0; n < bytes.length / sectorBytes; n++) {
      const one = bytes.slice(n * sectorBytes, (n + 1) * sectorBytes);
      if (this.#holds(sector + n, one)) continue;
      const others = this.#others.get(sector + n) ?? [];
      this.#others.set(sector + n, others.length < othersMax ? [...others, one] : null);
    }
  }

  /**
   * Whole sectors were read: they hold that from now on.
   * @returns index of the first byte that cannot be; -1 when all may
   */
  read(sector: number, got: Uint8Array): number {
    const at = this.difference(sector, got);
    if (at < 0 && this.#others.size > 0) this.wrote(sector, got);
    return at;
  }

  /** As `read`, and nothing is taken from it. */
  difference(sector: number, got: Uint8Array): number {
    const at = firstDifference(got, this.#bytes.subarray(sector * sectorBytes, sector * sectorBytes + got.length));
    if (at < 0 || this.#others.size === 0) return at;
    for (let n = Math.floor(at / sectorBytes); n * sectorBytes < got.length; n++) {
      const one = got.subarray(n * sectorBytes, (n + 1) * sectorBytes);
      if (!this.#holds(sector + n, one)) return n * sectorBytes + firstDifference(one, this.#known(sector + n));
    }
    return -1;
  }

  #holds(sector: number, one: Uint8Array): boolean {
    if (firstDifference(one, this.#known(sector)) < 0) return true;
    const others = this.#others.get(sector);
    return others === null || others?.some((o) => firstDifference(one, o) < 0) === true;
  }

  #known(sector: number): Uint8Array {
    return this.#bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes);
  }
}

/** @returns the index of the first byte that differs, -1 when none does. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return n;
  return -1;
}
