/** Numbers by which a host's unit tells apart what its guest's tables gave, used again when nobody has them. */
export class HostTags {
  readonly #first: number;
  readonly #used = new Set<number>();
  readonly #byKey = new Map<number, { readonly id: number; users: number }>();

  /** @param first the lowest that may be given */
  constructor(first: number) {
    this.#first = first;
  }

  /** The number behind a key of the guest's, the lowest free one where the key is new. @param given told of one that is free */
  take(key: number, given: (id: number) => void): number {
    const held = this.#byKey.get(key);
    if (held !== undefined) {
      held.users++;
      return held.id;
    }
    let id = this.#first;
    while (this.#used.has(id)) id++;
    this.#used.add(id);
    this.#byKey.set(key, { id, users: 1 });
    given(id);
    return id;
  }

  /** @param flush what the unit keeps under the number is to be forgotten before it serves again */
  release(key: number, flush: (id: number) => void): void {
    const held = this.#byKey.get(key);
    if (held === undefined || --held.users > 0) return;
    flush(held.id);
    this.#byKey.delete(key);
    this.#used.delete(held.id);
  }
}
