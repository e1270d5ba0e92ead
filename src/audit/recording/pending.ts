/**
 * Mappings that were made over an older one whose end had not been seen.
 *
 * That alone proves nothing: the older one may have ended without an event. It is a broken rule once the older one's
 * own end is read, long after: it was alive all the while; or when the recording ends without it, where it would have
 * been recorded. Kept are the newest older mappings; of a forgotten one nothing is said.
 */
import type { RuleName } from "./rules.js";

const olderMax = 2 ** 15;
const wordsMax = 4;

export interface Over {
  readonly rule: RuleName | "overlap-cache-line";
  readonly device: number;
  /** When the newer one was mapped, microseconds. */
  readonly time: number;
  readonly words: string;
}

interface Older {
  /** Of the older mapping, which tells it from a later one of the same number. */
  readonly serial: number;
  /** When it was last mapped over, microseconds. */
  last: number;
  readonly first: Over[];
  /** Of those whose words are not kept. */
  readonly more: Map<Over["rule"], { readonly device: number; count: number }>;
}

export class Pending {
  readonly #older = new Map<number, Older>();

  /** @param words is called only while words are kept */
  add(older: number, serial: number, over: Omit<Over, "words">, words: () => string): void {
    let known = this.#older.get(older);
    if (known?.serial !== serial) {
      this.#older.delete(older);
      if (this.#older.size >= olderMax) this.#older.delete(this.#older.keys().next().value!);
      this.#older.set(older, (known = { serial, last: over.time, first: [], more: new Map() }));
    }
    known.last = over.time;
    if (known.first.length < wordsMax) known.first.push({ ...over, words: words() });
    else {
      const more = known.more.get(over.rule);
      if (more === undefined) known.more.set(over.rule, { device: over.device, count: 1 });
      else more.count++;
    }
  }

  /** All that are left: the older mapping, its serial, and when it was last mapped over. */
  *rest(): Generator<readonly [older: number, serial: number, time: number]> {
    for (const [older, { serial, last }] of [...this.#older]) yield [older, serial, last];
  }

  /** The older one's end was read: what was over it, and how often more; it is forgotten. null for nothing. */
  take(older: number, serial: number): Older | null {
    const known = this.#older.get(older);
    if (known === undefined) return null;
    this.#older.delete(older);
    return known.serial === serial ? known : null;
  }
}
