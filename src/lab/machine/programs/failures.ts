/** Why the requests of a program failed: how many for each reason that its driver gave. */
import { countWords, plural } from "../../../base/count_words.js";

/** Kinds of reasons that are told; each mapping that is refused has words of its own. */
const kindsMax = 3;

export class Failures {
  readonly #counts = new Map<string, number>();

  /** @param error as the driver gives a request back. @returns whether every byte was moved */
  ended(error: string | null): boolean {
    if (error !== null) this.#counts.set(error, (this.#counts.get(error) ?? 0) + 1);
    return error === null;
  }

  /** @returns one sentence, most frequent reason first; none where nothing failed. */
  words(): string[] {
    if (this.#counts.size === 0) return [];
    const kinds = [...this.#counts].sort((a, b) => b[1] - a[1]);
    const told = kinds.slice(0, kindsMax);
    const failed = kinds.reduce((n, [, count]) => n + count, 0);
    const others = failed - told.reduce((n, [, count]) => n + count, 0);
    if (kinds.length === 1) return [`${plural(failed, "request")} failed: ${kinds[0]![0]}`];
    const parts = told.map(([words, count]) => `${countWords(count)} × ${words}`);
    if (others > 0) parts.push(`${countWords(others)} × other reasons`);
    return [`${plural(failed, "request")} failed: ${parts.join("; ")}`];
  }
}
