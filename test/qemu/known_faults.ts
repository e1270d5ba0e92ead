/**
 * Where QEMU is known to differ from what units do, and the library therefore from QEMU. Each is described, with the
 * reason, in docs/decisions/0007-qemu-as-a-judge.md.
 */

import { read } from "../../src/bits/field.js";
import { StreamEntry } from "../../src/spec/smmuv3/stream_table.js";
import type { Probe, Seen } from "./judge.js";
import { reaches } from "./predict.js";

/** @returns the name of the fault that explains the difference; null when none does. */
export type KnownFaults = (probe: Probe, seen: Seen) => string | null;

export const vtdKnown: KnownFaults = ({ outcome, write }, { faults }) => {
  const code = faults[0]?.code;
  if (reaches(outcome) || outcome.walk === null || code === undefined) return null;
  const { steps, result } = outcome.walk;
  if (outcome.code === 7 && code === 3 && "atTop" in result && result.atTop)
    return "an unreachable top table is reason 3";
  const need = write ? 2 : 1;
  const refused = steps.some((s) => (s.words[0]! & need) === 0);
  if (refused && code === (write ? 5 : 6)) return "rights are judged entry by entry, before reserved bits";
  return null;
};

const wide = 2n ** 48n;

export const smmuv3Known: KnownFaults = ({ address, outcome }, { faults }) => {
  const code = faults[0]?.code;
  if (address >= wide && faults.length === 0) return "addresses of more than 48 bits do not reach the unit";
  const ste = outcome.entries.find((e) => e.about === StreamEntry.$);
  if (code === 4 && ste !== undefined && read(ste.words, 0, StreamEntry.s1CdMax) !== 0) {
    return "S1CDMax counts where there are no substreams";
  }
  if (!reaches(outcome) && outcome.code === 0x11 && (code === undefined || code === 0xb)) {
    return "the width of addresses in descriptors is not checked";
  }
  return null;
};

export const amdviKnown: KnownFaults = () => null;
