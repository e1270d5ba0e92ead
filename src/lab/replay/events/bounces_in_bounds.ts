/**
 * Whether bounces have landed where the log says the pool is: then another address is no bounce.
 *
 * They do not where devices see memory at an offset, and where a pool grew.
 */

/** Bytes: [from, to). */
export interface PoolBounds {
  readonly from: number;
  readonly to: number;
}

export class BouncesInBounds {
  readonly #bounds: PoolBounds | null;
  #inside = 0;
  #outside = 0;

  constructor(bounds: PoolBounds | null) {
    this.#bounds = bounds;
  }

  /** A mapping that bounced is at this bus address; negative where it is not known. */
  add(address: number): void {
    if (this.#bounds === null || !(address >= 0)) return;
    if (this.#holds(address)) this.#inside++;
    else this.#outside++;
  }

  mayBe(address: number): boolean {
    return this.#inside === 0 || this.#outside > 0 || this.#holds(address);
  }

  #holds(address: number): boolean {
    return this.#bounds !== null && address >= this.#bounds.from && address < this.#bounds.to;
  }
}
