/** Every rule, the weightiest first. A new one is a row in its file and passes the same tests. */
import type { Finding } from "../inspection.js";
import { deviceRules } from "./devices.js";
import type { Known, Rule } from "./known.js";
import { memoryRules } from "./memory.js";
import { unitRules } from "./units.js";
import { unreadRules } from "./unread.js";

export const reachRules: readonly Rule[] = [...unreadRules, ...unitRules, ...memoryRules, ...deviceRules];

/** @returns troubles first, then notes; within each in the order of the rules. */
export function findingsOf(known: Known, rules: readonly Rule[] = reachRules): Finding[] {
  const all = rules.flatMap((rule) => rule.find(known));
  return [...all.filter((f) => f.weight === "trouble"), ...all.filter((f) => f.weight === "note")];
}
