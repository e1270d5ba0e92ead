/** Where bounces lie: the bus address of each byte of the pool. */

export interface PoolAddresses {
  /** @returns bytes from the pool's start, NaN for an address outside the pool. */
  offsetOf(address: number): number;
  /** @returns the bus address of a byte of the pool, NaN when it is not known. */
  addressOf(offset: number): number;
}

/** A pool whose bus addresses follow its own, as on every machine where a bus address is a physical one. */
export class ContiguousAddresses implements PoolAddresses {
  readonly #base: number;
  readonly #bytes: number;

  constructor(base: number, bytes: number) {
    this.#base = base;
    this.#bytes = bytes;
  }

  offsetOf(address: number): number {
    const inside = address - this.#base;
    return inside >= 0 && inside < this.#bytes ? inside : Number.NaN;
  }

  addressOf(offset: number): number {
    return this.#base + offset;
  }
}
