/** Broken rules: the first of each kept in words, all of them counted, by rule and device. */
import type { BrokenRule, Unjudged } from "./result.js";
import { type RuleName, rules } from "./rules.js";

/** Of one rule and device, and in all. */
const keptEach = 20;
const keptMax = 4000;

interface Broken {
  readonly rule: RuleName;
  readonly device: number;
  total: number;
  readonly kept: { readonly time: number; readonly words: string }[];
}

export class Violations {
  readonly #broken = new Map<string, Broken>();
  #kept = 0;

  /** Count one. @returns true when words are still wanted for it: then call `keep`. */
  count(rule: RuleName, device: number, by = 1): boolean {
    const key = `${rule} ${device}`;
    let broken = this.#broken.get(key);
    if (broken === undefined) this.#broken.set(key, (broken = { rule, device, total: 0, kept: [] }));
    broken.total += by;
    return broken.kept.length < keptEach && this.#kept < keptMax;
  }

  /** @param time microseconds */
  keep(rule: RuleName, device: number, time: number, words: string): void {
    this.#kept++;
    this.#broken.get(`${rule} ${device}`)!.kept.push({ time, words });
  }

  /**
   * @param missing says of a device why its mappings may have left no event, null where they all did: what relies on
   *   them is then not judged
   */
  judged(
    nameOf: (device: number) => string,
    missing: (device: number) => string | null,
  ): { violations: BrokenRule[]; totals: { rule: string; count: number }[]; unjudged: Unjudged[] } {
    const violations: BrokenRule[] = [],
      unjudged: Unjudged[] = [];
    const totals = new Map<string, number>();
    for (const { rule, device, total, kept } of this.#broken.values()) {
      const { says, relies } = rules[rule];
      const why = relies === "maps" ? missing(device) : null;
      const name = nameOf(device);
      if (why !== null) {
        unjudged.push({ devices: [name], what: `${total} × ${says}`, why });
        continue;
      }
      totals.set(rule, (totals.get(rule) ?? 0) + total);
      for (const { time, words } of kept) {
        violations.push({ rule, device: name, time: time / 1e6, detail: `${says}: ${words}`, relies });
      }
    }
    violations.sort((a, b) => a.time - b.time);
    return { violations, totals: [...totals].map(([rule, count]) => ({ rule, count })), unjudged };
  }
}
