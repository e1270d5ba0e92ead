/** Hypercalls of a run, counted by name: what a run gives a hypervisor to tell it. */
export class CallCounts {
  readonly #counts = new Map<string, number>();

  readonly called = (call: string): void => {
    this.#counts.set(call, (this.#counts.get(call) ?? 0) + 1);
  };

  /** How often one was made. */
  of(call: string): number {
    return this.#counts.get(call) ?? 0;
  }

  /** All that were made, in the order of their first one. */
  get all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
