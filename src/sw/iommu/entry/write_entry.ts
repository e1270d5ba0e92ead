/**
 * One entry turned into another while hardware may read it: which pieces to store in which order, and where to wait.
 *
 * What the old entry does not use is brought to its new content first, then the one piece that decides, then what is no
 * longer used. Where two pieces decide no order will do, and the entry stops counting in between.
 *
 * Source: the method is that of Linux drivers/iommu/arm/arm-smmu-v3 (arm_smmu_write_entry), whose pieces are of 64 bits; VT-d
 * stores and fetches 128 bits at once, AMD-Vi stores 128 and fetches 256.
 */

import { type EntryFormat, harmlessBits, usedBits, wordCount } from "./entry_format.js";
import { entryOf } from "./fields.js";

/** Some words of the entry, stored at once; or a wait until no read of the entry from before is under way or kept. */
export type EntryStep =
  | { readonly kind: "store"; readonly word: number; readonly words: Uint32Array }
  | { readonly kind: "sync" };

export interface WritePlan {
  readonly steps: readonly EntryStep[];
  /** No read finds an entry that does not count, where neither the old nor the new one is such. */
  readonly hitless: boolean;
  /** Pieces in which a bit that both entries use changes: bit n for the nth. */
  readonly critical: number;
}

/** What processor and unit do at once, in bits. */
export interface Widths {
  /** The widest store that no read sees half. */
  readonly store: 64 | 128;
  /** What a unit reads of an entry at once. */
  readonly fetch: 64 | 128 | 256 | 512;
}

export function writeEntry(format: EntryFormat, from: Uint32Array, to: Uint32Array, widths: Widths): WritePlan {
  const plan = new Plan(format, from, widths);
  const [used, wanted] = [usedBits(format, from), usedBits(format, to)];
  const harmless = harmlessBits(format, from, to);
  const middle = from.map((word, n) => {
    const kept = used[n]! & ~(wanted[n]! & harmless[n]!);
    return (word & kept) | (to[n]! & ~kept);
  });
  const differs = middle.map((word, n) => (word ^ to[n]!) & wanted[n]!);
  const pieces = plan.piecesWhere((n) => differs[n] !== 0);
  const critical = pieces.reduce((mask, piece) => mask | (1 << piece), 0);
  if (pieces.length > 1) {
    plan.put(entryOf(format.about, format.blocking), [0]);
    plan.put(to, plan.others(0));
    plan.put(to, [0]);
  } else {
    if (pieces.length === 1) {
      plan.put(middle, plan.others(pieces[0]!));
      plan.put(to, pieces);
    }
    plan.put(to, plan.others(-1));
  }
  plan.settle();
  return { steps: plan.steps, hitless: pieces.length <= 1, critical };
}

/** The steps so far, and the entry as they leave it. */
class Plan {
  readonly steps: EntryStep[] = [];
  readonly #now: Uint32Array;
  /** Words that are stored, and seen, at once. */
  readonly #pieceWords: number;
  /** Reads may see pieces of different times, so that each stage ends with a wait. */
  readonly #isTorn: boolean;
  #isOwed = false;

  constructor(format: EntryFormat, from: Uint32Array, { store, fetch }: Widths) {
    this.#now = from.slice();
    this.#isTorn = fetch / 32 < wordCount(format);
    const seen = this.#isTorn ? Math.min(store, fetch) : store;
    this.#pieceWords = Math.min(seen / 32, wordCount(format));
  }

  get #pieceCount(): number {
    return this.#now.length / this.#pieceWords;
  }

  piecesWhere(is: (word: number) => boolean): readonly number[] {
    const found = new Set<number>();
    for (let n = 0; n < this.#now.length; n++) if (is(n)) found.add(Math.floor(n / this.#pieceWords));
    return [...found];
  }

  others(piece: number): readonly number[] {
    return Array.from({ length: this.#pieceCount }, (_, n) => n).filter((n) => n !== piece);
  }

  /** Store these pieces as `words` has them, those that change. */
  put(words: Uint32Array, pieces: readonly number[]): void {
    let isChanged = false;
    for (const piece of pieces) {
      const word = piece * this.#pieceWords;
      const part = words.slice(word, word + this.#pieceWords);
      if (part.every((w, n) => w === this.#now[word + n])) continue;
      this.#now.set(part, word);
      this.steps.push({ kind: "store", word, words: part });
      isChanged = true;
    }
    if (!isChanged) return;
    this.#isOwed = true;
    if (this.#isTorn) this.settle();
  }

  /** Wait, if anything was stored since the last wait. */
  settle(): void {
    if (this.#isOwed) this.steps.push({ kind: "sync" });
    this.#isOwed = false;
  }
}
