/**
 * Historic bugs of the pool as switches. Each changes single rules and nothing else.
 *
 * Source: the Linux commits named with each.
 */
import type { PoolRules } from "./profile.js";

export interface Bug {
  readonly id: string;
  readonly year: number;
  /** The commit that fixed it, and its CVE. */
  readonly source: string;
  /** What must hold and does not with the bug. */
  readonly breaks: string;
  /** Rules of the profile that it changes; empty when it lives elsewhere. */
  readonly rules: Partial<PoolRules>;
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
  {
    id: "stale-bounce",
    year: 2022,
    source: "ddbd89deb7d3, CVE-2022-0854",
    breaks: "bytes that the device did not write are after unmap what they were before map",
    rules: { mapAlwaysCopies: false },
  },
  {
    id: "sync-overwrites",
    year: 2022,
    source: "aa6f8dcbab47 and its partial revert",
    breaks: "a sync for the device leaves alone what only the device writes",
    rules: { syncAlwaysCopies: true },
  },
  {
    id: "sync-from-start",
    year: 2021,
    source: "5f89468e2f06",
    breaks: "a sync of k bytes into a mapping copies from k bytes into the buffer",
    rules: { syncKeepsDistance: false },
  },
  {
    id: "sync-offset-unsigned",
    year: 2024,
    source: "e8068f2d756d",
    breaks: "a sync that begins in the second slot or later, before the kept offset, copies",
    rules: { syncOffsetSigned: false },
  },
  {
    id: "page-unchecked",
    year: 2024,
    source: "823353b7cf0e",
    breaks: "an allocation from a restricted pool that does not start on a page is refused",
    rules: { checksPages: false },
  },
  {
    id: "decrypted-pages-freed",
    year: 2023,
    source: "a5e3b127455d",
    breaks: "a page that could not be encrypted again is never given out as private memory",
    rules: {},
  },
  {
    id: "used-cleared",
    year: 2024,
    source: "a1255ccab8ec",
    breaks: "the count of used slots is the sum over the areas, and never below zero",
    rules: {},
  },
  {
    id: "areas-not-limited",
    year: 2023,
    source: "8ac04063354a, a6a241764f69",
    breaks: "every area holds at least one slot set",
    rules: {},
  },
] as const satisfies readonly Bug[];

export type BugId = (typeof bugs)[number]["id"];

/** The rules of a profile with bugs switched on. */
export function rulesWith(rules: PoolRules, on: readonly BugId[]): PoolRules {
  let result = rules;
  for (const bug of bugs) if (on.includes(bug.id)) result = { ...result, ...bug.rules };
  return result;
}
