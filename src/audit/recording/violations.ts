/** Broken rules: the first of each kept in words, all of them counted. */
import type { Violation } from "./result.js";
import { type RuleName, rules } from "./rules.js";

const keptPerRule = 20;

export class Violations {
  readonly #kept: Violation[] = [];
  readonly #totals = new Map<RuleName, number>();

  /** Count one. @returns true when words are still wanted for it: then call `keep`. */
  count(rule: RuleName): boolean {
    const total = (this.#totals.get(rule) ?? 0) + 1;
    this.#totals.set(rule, total);
    return total <= keptPerRule;
  }

  /** @param time microseconds */
  keep(rule: RuleName, device: string, time: number, detail: string): void {
    this.#kept.push({ rule, device, time: time / 1e6, detail: `${rules[rule]}: ${detail}` });
  }

  list(): Violation[] {
    return this.#kept.sort((a, b) => a.time - b.time);
  }

  totals(): { rule: string; count: number }[] {
    return [...this.#totals].map(([rule, count]) => ({ rule, count }));
  }
}
