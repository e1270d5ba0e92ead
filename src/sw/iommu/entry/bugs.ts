/**
 * Bugs in how an entry is stored while a unit reads it: for each a way that a kernel had, and the rule that it breaks. Candidates
 * were found by reading, and nobody has confirmed them: each says what it assumes.
 */
import { type EntryRule, entryRuled } from "./rules.js";

interface Row {
  readonly id: string;
  /** Of the repair; of a candidate, of the release that was read. */
  readonly year: number;
  readonly source: string;
  readonly rule: EntryRule;
  readonly breaks: string;
}

const breaks = (rule: EntryRule) => ({ rule, breaks: entryRuled(rule) }) as const;
const read7 = "as read in Linux 7.0, not confirmed by its authors";

export const entryBugs = [
  {
    id: "host-entry-word-by-word",
    ...{
      year: 2020,
      source: "CVE-2020-27670, XSA-347 (0514a3a25f, 3b055121c5): a device's entry is stored in pieces, in any order",
    },
    ...breaks("I4"),
  },
  {
    id: "width-of-another-root",
    ...{
      year: 2021,
      source: "CVE-2021-28710, XSA-390 (02b46377b6): a shared table of four levels behind a width of three",
    },
    ...breaks("I4"),
  },
  {
    id: "quarantine-one-level-off",
    ...{
      year: 2023,
      source: "CVE-2023-46835, XSA-445 (fe1e4668b3): tables of a quarantine have a level more than the entry says",
    },
    ...breaks("I4"),
  },
  {
    id: "quarantine-keeps-the-root",
    ...{
      year: 2024,
      source: "CVE-2023-46840, XSA-450 (cc6ba68edf): a misplaced #endif leaves the wrong table behind the entry",
    },
    ...breaks("I4"),
  },
  {
    id: "stream-blocked-on-the-way",
    ...{
      year: 2024,
      source: "Linux before 7da51af9125c, and Xen: a stream is changed by way of an entry that blocks",
    },
    ...breaks("I5"),
  },
  {
    id: "harmless-bits-decide",
    ...{
      year: 2026,
      source: "Linux 2781f2a930ab: MEV and EATS were taken for bits that decide, and made a gap (C_BAD_STE)",
    },
    ...breaks("I5"),
  },
  {
    id: "pasid-entry-copied",
    ...{
      year: 2026,
      source: "CVE-2026-45945 (c3b1edea3791): an entry of 512 bits is copied over one that is read in pieces",
    },
    ...breaks("I4"),
  },
  {
    id: "pasid-entry-zeroed",
    ...{ year: 2026, source: "CVE-2026-45894 (75ed00055c05): an entry is zeroed while it is present" },
    ...breaks("I4"),
  },
  {
    id: "passthrough-precedence",
    ...{
      year: 2026,
      source: "Linux 93eee2a49c1b, set_dte_passthrough: an operator's precedence makes a flag of the domain id",
    },
    ...breaks("I4"),
  },
  {
    id: "guest-levels-through-invalid",
    ...{
      year: 2026,
      source: `candidate O-AMD1: update_dte256 goes through an entry without V, ${read7}; assumes that a guest's table of four levels is replaced by one of five`,
    },
    ...breaks("I4"),
  },
  {
    id: "nested-old-id-kept",
    ...{
      year: 2026,
      source: `candidate O-AMD3: nested_attach_device does not flush the id that it replaces, ${read7}; assumes that the id serves again`,
    },
    ...breaks("recycled"),
  },
] as const satisfies readonly Row[];

export type EntryBugId = (typeof entryBugs)[number]["id"];
