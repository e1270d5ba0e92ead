/**
 * Historic bugs of the pool as switches. Each changes single rules and nothing else.
 *
 * Source: the Linux commits named with each.
 */
import type { SearchRules } from "./profile.js";

export interface Bug {
  readonly id: string;
  readonly year: number;
  /** The commit that fixed it, and its CVE. */
  readonly source: string;
  /** What must hold and does not with the bug. */
  readonly breaks: string;
  /** Rules of the search that it changes; empty when it lives elsewhere. */
  readonly rules: Partial<SearchRules>;
}

export const bugs = [
  {
    id: "half-page",
    year: 2024,
    source: "04867a7a3332, CVE-2024-35814",
    breaks: "allocations of a page or more share no page",
    rules: { allocMaskApart: false, masksDisjoint: false, pageRule: "always" },
  },
  {
    id: "both-masks",
    year: 2024,
    source: "51b30ecb73b4",
    breaks: "an empty pool serves a device and a caller that both ask for alignment",
    rules: { masksDisjoint: false },
  },
  {
    id: "no-page-rule",
    year: 2024,
    source: "14cebf689a78",
    breaks: "a mapping of a page or more starts on a page when nothing else is asked",
    rules: { pageRule: "never" },
  },
  {
    id: "no-padding-slots",
    year: 2024,
    source: "af133562d5af",
    breaks: "the bus address equals the buffer's address in the bits of the device's mask",
    rules: { padSlots: false },
  },
  {
    id: "runs-past-end",
    year: 2023,
    source: "53c87e846e33, CVE-2023-52790",
    breaks: "no allocation reaches past the end of the pool",
    rules: { runsEndWithPool: false },
  },
  {
    id: "endless-search",
    year: 2023,
    source: "7c3940bf81e5",
    breaks: "a search ends after as many slots as the area has",
    rules: { countsSteps: false },
  },
] as const satisfies readonly Bug[];

export type BugId = (typeof bugs)[number]["id"];

/** The rules of a profile with bugs switched on. */
export function rulesWith(rules: SearchRules, on: readonly BugId[]): SearchRules {
  let result = rules;
  for (const bug of bugs) if (on.includes(bug.id)) result = { ...result, ...bug.rules };
  return result;
}
