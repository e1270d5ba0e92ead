/** Randomness that can be replayed: every run prints its seed, and the seed is the run. */
export class Rng {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** @returns a whole number, 0 <= n < bound; bound is 1 to 2 ** 32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return Math.floor((((x ^ (x >>> 15)) >>> 0) / 0x1_0000_0000) * bound);
  }
}

/** Which of several ways is taken, where a component leaves that to who runs it: a seed, or a search through all of them. */
export type Choose = (ways: number) => number;

/** Ways drawn from a seed. */
export function drawn(seed: number): Choose {
  const rng = new Rng(seed);
  return (ways) => rng.below(ways);
}
