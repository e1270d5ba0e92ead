/**
 * Pages that devices reached by what a unit kept of tables that say otherwise by then: I1, of a guest whose unit has said that
 * it was forgotten. Where flushes wait (lazy), a translation may outlive its entry, and only one whose address leads elsewhere
 * already is wrong.
 */

/** A page that was reached. */
export interface StaleUse {
  readonly requester: number;
  /** Page of the bus address. */
  readonly asked: number;
  /** Frame of the machine that was reached, and the one that the tables lead to; -1: they lead nowhere. */
  readonly frame: number;
  readonly leads: number;
  readonly write: boolean;
}

const firstMax = 5;

export class StaleUses {
  readonly first: StaleUse[] = [];
  readonly #isLazy: boolean;
  #count = 0;

  constructor(o: { readonly isLazy: boolean }) {
    this.#isLazy = o.isLazy;
  }

  get count(): number {
    return this.#count;
  }

  reached(use: StaleUse): void {
    if (use.frame === use.leads || (this.#isLazy && use.leads < 0)) return;
    this.#count++;
    if (this.first.length < firstMax) this.first.push(use);
  }
}
