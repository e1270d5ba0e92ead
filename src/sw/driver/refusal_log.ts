/** What a back end refused: the first ones in words, all of them counted by kind. */

/** A request that was answered with an error, or a ring that is not read any more, and why. */
export interface RequestRefusal {
  /** The domain that asked. */
  readonly domain: number;
  /** Which check it was: the same text for all that fail it. */
  readonly kind: string;
  /** In words, with the figures of this one. */
  readonly why: string;
}

export interface RefusalKind {
  readonly kind: string;
  readonly count: number;
  /** The first of them, in words. */
  readonly first: string;
}

const keptMax = 1000;

export class RefusalLog {
  /** The first ones. */
  readonly list: RequestRefusal[] = [];
  count = 0;
  readonly #kinds = new Map<string, { kind: string; count: number; first: string }>();

  add(r: RequestRefusal): void {
    this.count++;
    if (this.list.length < keptMax) this.list.push(r);
    this.#note({ kind: r.kind, count: 1, first: r.why });
  }

  /** Take over what another counted. */
  join(other: RefusalLog): void {
    this.count += other.count;
    this.list.push(...other.list.slice(0, keptMax - this.list.length));
    for (const k of other.kinds) this.#note(k);
  }

  /** The most frequent first. */
  get kinds(): RefusalKind[] {
    return [...this.#kinds.values()].sort((a, b) => b.count - a.count);
  }

  /** Each kind once: how many there were, and the first of them. */
  get texts(): string[] {
    return this.kinds.map(({ count, first }) => `${count} × ${first}`);
  }

  #note({ kind, count, first }: RefusalKind): void {
    const seen = this.#kinds.get(kind);
    if (seen === undefined) this.#kinds.set(kind, { kind, count, first });
    else seen.count += count;
  }
}
