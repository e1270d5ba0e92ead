/** Every rule, the weightiest first. A new one is a row in its file and passes the same tests. */
import { type Finding, inOrder } from "../facts/inspection.js";
import type { Known, Rule } from "../facts/known.js";
import { deviceRules } from "./devices.js";
import { interruptRules } from "./interrupts.js";
import { memoryRules } from "./memory.js";
import { placeRules } from "./places.js";
import { unitRules } from "./units.js";
import { unreadRules } from "./unread.js";

export const reachRules: readonly Rule[] = [
  ...unreadRules,
  ...unitRules,
  ...interruptRules,
  ...placeRules,
  ...memoryRules,
  ...deviceRules,
];

/** @returns troubles first, notes last; within each in the order of the rules. */
export function findingsOf(known: Known, rules: readonly Rule[] = reachRules): Finding[] {
  return inOrder(rules.flatMap((rule) => rule.find(known)));
}
