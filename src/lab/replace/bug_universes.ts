/** For each bug of `sw/iommu/entry/bugs.ts` the entry in which it shows, the way that has it, and one that has not. */
import type { Universe } from "../../check/universe.js";
import { heldWhile } from "../../sim/actor.js";
import { type EntryBugId, entryBugs } from "../../sw/iommu/entry/bugs.js";
import { type DeviceKindName, deviceEntry } from "../../sw/iommu/entry/kinds/amdvi_device.js";
import { entryRuled } from "../../sw/iommu/entry/rules.js";
import { historicSequences } from "../../sw/iommu/entry/sequences/historic.js";
import { amdviDeviceEntry, amdviPlaces } from "./amdvi_entries.js";
import { entryUniverse, isReplaced } from "./entry_universe.js";
import type { ReplacedEntry } from "./replaced_entry.js";
import { type Asked, universeOfReplacement } from "./replacement.js";
import { smmuStreamEntry } from "./smmuv3_entries.js";
import { vtdContextEntry, vtdPasidEntry } from "./vtd_entries.js";

interface Shown extends Pick<Asked, "from" | "to"> {
  readonly of: ReplacedEntry;
  /** Names of ways: with the bug, and without. */
  readonly wrong: string;
  readonly right: string;
}

const streams = smmuStreamEntry({ overrides: true, stalls: true });
/** Devices that may keep no translations of their own. */
const withoutAts: ReplacedEntry = {
  ...amdviDeviceEntry,
  entry: (kind, side) => deviceEntry(kind as DeviceKindName, { ...amdviPlaces[side], ats: false }),
};

const shown: Readonly<Record<EntryBugId, Shown>> = {
  "host-entry-word-by-word": { of: amdviDeviceEntry, from: "v1", to: "v1", wrong: "word-by-word", right: "xen" },
  "width-of-another-root": { of: vtdContextEntry, from: "pt", to: "legacy", wrong: "three-levels", right: "xen" },
  "quarantine-one-level-off": { of: amdviDeviceEntry, from: "v1", to: "v1", wrong: "fewer-levels", right: "xen" },
  "quarantine-keeps-the-root": { of: vtdContextEntry, from: "legacy", to: "legacy", wrong: "old-root", right: "xen" },
  "stream-blocked-on-the-way": { of: streams, from: "s2", to: "bypass", wrong: "xen", right: "linux" },
  "harmless-bits-decide": { of: streams, from: "nestedbyp", to: "s2noats", wrong: "linux-2024", right: "linux" },
  "pasid-entry-copied": { of: vtdPasidEntry, from: "fs", to: "fs", wrong: "linux-in-place", right: "linux" },
  "pasid-entry-zeroed": { of: vtdPasidEntry, from: "fs", to: "blocked", wrong: "linux-zeroed", right: "linux" },
  "passthrough-precedence": { of: withoutAts, from: "v1", to: "identity", wrong: "id-as-flag", right: "linux" },
  "guest-levels-through-invalid": {
    ...{ of: amdviDeviceEntry, from: "nested", to: "nested5" },
    ...{ wrong: "linux", right: "written" },
  },
  "nested-old-id-kept": { of: amdviDeviceEntry, from: "nested", to: "nested", wrong: "linux", right: "update" },
};

/**
 * The rule of the bug alone is looked at: what a way without it breaks besides, as a gap, is no matter here. It ends where it is
 * over and the unit has the new entry.
 */
export function entryBugUniverse(id: EntryBugId, on: boolean): Universe {
  const { of, wrong, right, ...pair } = shown[id];
  const known = { ...of, sequences: { ...of.sequences, ...historicSequences } };
  const universe = entryUniverse(universeOfReplacement(known, { ...pair, sequence: on ? wrong : right }));
  const rule = entryRuled(entryBugs.find((bug) => bug.id === id)!.rule);
  const isAtEnd = universe.sometimes[isReplaced]!;
  return {
    ...universe,
    actors: universe.actors.map((actor) => heldWhile(isAtEnd, actor)),
    always: { [rule]: universe.always[rule]! },
  };
}
