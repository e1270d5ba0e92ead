/** Broken rules: the first of each kept in words, all of them counted. */
import { type DmaRuleName, dmaRules } from "./rules.js";

const keptPerRule = 20;

export interface Violation {
  readonly rule: DmaRuleName;
  readonly device: string;
  readonly detail: string;
}

export class Violations {
  readonly kept: Violation[] = [];
  readonly #totals = new Map<DmaRuleName, number>();

  /** Count one; `said` is called only when its words are kept. */
  add(rule: DmaRuleName, device: string, said: () => string): void {
    const total = (this.#totals.get(rule) ?? 0) + 1;
    this.#totals.set(rule, total);
    if (total <= keptPerRule) this.kept.push({ rule, device, detail: `${dmaRules[rule].text}: ${said()}` });
  }

  /** How often a rule was broken; of all rules together without a name. */
  count(rule?: DmaRuleName): number {
    if (rule !== undefined) return this.#totals.get(rule) ?? 0;
    let sum = 0;
    for (const n of this.#totals.values()) sum += n;
    return sum;
  }

  totals(): { readonly rule: DmaRuleName; readonly count: number }[] {
    return [...this.#totals].map(([rule, count]) => ({ rule, count }));
  }
}
