/** Where QEMU's units do while an entry is replaced what units do not: each with the section that says so. */
import { reach } from "../program/answer.js";
import { type Difference, smmuKnown, vtdKnown } from "../program/known.js";
import type { End } from "./ends.js";

export interface ReplaceDifference extends Difference {
  readonly address: number;
  /** Where translations of the page lead that a unit may hold, under any tag. */
  readonly held: readonly number[];
  /** Where the entry would lead as it stands in memory, were it present; null: nowhere. */
  readonly ifPresent: End;
  /** Where QEMU's unit let the page lead before, by an entry that was not present. */
  readonly strayed: readonly number[];
  /** An entry that the unit may have read leads below RAM, where this machine has flash and registers. */
  readonly readsFlash: boolean;
  /** Since contexts were forgotten, there was an entry that lets all pass as it is. */
  readonly passed: boolean;
}

/** @returns the name of QEMU's fault that explains its answer; null when none does. */
export type KnownReplaceFaults = (difference: ReplaceDifference) => string | null;

export const vtdReplaceKnown: KnownReplaceFaults = (d) => {
  // 6.2.5: translations are tagged by the domain that the entry names, and a request first finds its entry.
  if (d.mayBeStale && d.held.some((at) => d.qemu === reach(at)))
    return "a translation is found by the device alone, whatever its entry says by now";
  // 6.5.2.2: pass-through is what a PASID entry says, and goes with the PASID cache.
  if (d.passed && d.qemu === reach(d.address))
    return "pass-through ends when contexts are forgotten, not PASID entries";
  // 7.1.3: absence is 0x59, whatever else the entry says.
  if (d.ifPresent !== null && d.qemu === reach(d.ifPresent))
    return "P of a PASID entry is not looked at while the context entry is cached";
  if (d.strayed.some((at) => d.qemu === reach(at)))
    return "what an entry without P led to was cached, under a tag that was forgotten before";
  return vtdKnown(d);
};

export const smmuReplaceKnown: KnownReplaceFaults = (d) => {
  const name = smmuKnown(d);
  if (name !== null) return name;
  const isWalk = d.qemu.startsWith("event 0xb ") || d.qemu.startsWith("event 0x10 ");
  return d.readsFlash && isWalk ? "where an entry leads to no memory, this machine's flash is read as a table" : null;
};
