/** Bugs in how entries are stored, each on the entry alone: every order of a processor's stores and a unit's reads. */
import { type EntryBugId, entryBugs } from "../../../sw/iommu/entry/bugs.js";
import { entryRuled } from "../../../sw/iommu/entry/rules.js";
import { entryBugUniverse } from "../../replace/bug_universes.js";
import type { Demonstration } from "./demonstration.js";

const titles: Readonly<Record<EntryBugId, string>> = {
  "host-entry-word-by-word":
    "a device's entry is stored word by word, and a unit walks one table by the other's levels",
  "width-of-another-root": "a table of four levels is walked as one of three",
  "quarantine-one-level-off": "a quarantined device is led through its tables as if they were a level less",
  "quarantine-keeps-the-root": "a device is to be led to a quarantine, and still has its tables",
  "stream-blocked-on-the-way": "a stream goes to another configuration, and is refused on the way",
  "harmless-bits-decide": "two bits that may change at any time make a gap",
  "pasid-entry-copied": "an entry is copied over another, and a unit reads half of each",
  "pasid-entry-zeroed": "an entry is taken away, and a unit reads a table at address 0 in it",
  "passthrough-precedence": "a device without ATS may send translated addresses, by a slip of an operator",
  "guest-levels-through-invalid": "a guest's tables get a fifth level, and addresses pass untranslated meanwhile",
  "nested-old-id-kept": "one guest's tables replace another's, and what was kept of the old ones stays",
};

export const entryDemonstrations: Readonly<Record<string, Demonstration>> = Object.fromEntries(
  entryBugs.map(({ id, rule }) => {
    const universe = (on: boolean) => entryBugUniverse(id, on);
    return [id, { title: titles[id], universe, rule: entryRuled(rule) }];
  }),
);
