/** What a back end refused: each kind once, the first of it in words, and how many there were. */
import type { RequestRefusal } from "../../../sw/driver/refusal.js";

export interface RefusalKind {
  readonly kind: string;
  readonly count: number;
  /** The first of them, in words. */
  readonly first: string;
}

export class RefusalLog {
  count = 0;
  readonly #kinds = new Map<string, { kind: string; count: number; first: string }>();

  /** What a back end is given to tell it. */
  readonly add = ({ kind, why }: RequestRefusal): void => {
    this.count++;
    this.#note({ kind, count: 1, first: why });
  };

  /** Take over what another counted. */
  join(other: RefusalLog): void {
    this.count += other.count;
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
