/** What has the same reason, told once. */

import { countWords } from "../../base/count_words.js";
import type { FailureReason } from "../../lab/replay/contracts/refusal.js";
import type { Failure } from "../../lab/replay/told/failure.js";

/** Failures that have the same reason and device. */
export interface FailureGroup {
  readonly reason: FailureReason;
  /** Index into the outcome's devices. */
  readonly device: number;
  readonly failures: readonly Failure[];
  readonly sizeLeast: number;
  readonly sizeMost: number;
}

/** @returns the largest group first; of equal ones the earliest. */
export function groupFailures(failures: readonly Failure[]): FailureGroup[] {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const key = `${failure.reason} ${failure.device}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [failure]);
    else group.push(failure);
  }
  return [...groups.values()]
    .map((group) => {
      let sizeLeast = Number.POSITIVE_INFINITY;
      let sizeMost = 0;
      for (const { size } of group) {
        sizeLeast = Math.min(sizeLeast, size);
        sizeMost = Math.max(sizeMost, size);
      }
      return { reason: group[0]!.reason, device: group[0]!.device, failures: group, sizeLeast, sizeMost };
    })
    .sort((a, b) => b.failures.length - a.failures.length || a.failures[0]!.time - b.failures[0]!.time);
}

/** What is said in the same words, once, with all that it is said of; in order of first appearance. */
export function byWords(pairs: readonly (readonly [words: string, of: string])[]): [words: string, of: string[]][] {
  const groups = new Map<string, string[]>();
  for (const [words, of] of pairs) {
    const group = groups.get(words);
    if (group === undefined) groups.set(words, [of]);
    else group.push(of);
  }
  return [...groups];
}

/** The first of many names, and how many there are besides. */
export function someOf(names: readonly string[], first = 12): string {
  const more = names.length - first;
  return `${names.slice(0, first).join(", ")}${more > 0 ? ` and ${countWords(more)} more` : ""}`;
}
