/**
 * Where QEMU is known to differ from what units do, and the library therefore from QEMU. Each is described, with the
 * reason, in docs/decisions/0007-qemu-as-a-judge.md.
 */

import { read } from "../../src/bits/field.js";
import { DeviceEntry } from "../../src/spec/amdvi/device_entry.js";
import { StreamEntry } from "../../src/spec/smmuv3/stream_table.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import type { FaultName } from "../../src/table/index.js";
import type { Probe, Seen } from "./judge.js";
import { type Outcome, reaches } from "./predict.js";

/** @returns the name of the fault that explains the difference; null when none does. */
export type KnownFaults = (probe: Probe, seen: Seen) => string | null;

function outcomeFault(outcome: Outcome): FaultName | null {
  if (reaches(outcome) || outcome.walk === null || !("fault" in outcome.walk.result)) return null;
  return outcome.walk.result.fault;
}

/** Reasons of scalable mode, and the legacy ones that some QEMUs give instead. */
const legacyOf: Readonly<Record<number, readonly number[]>> = {
  56: [8],
  57: [1],
  58: [0xa],
  64: [9],
  65: [2],
  66: [0xb],
  67: [3],
  120: [7],
  121: [5, 6],
  122: [0xc],
  123: [3],
  132: [4],
  133: [5],
  134: [6],
  135: [0xe],
};

/** PASID directory and PASID table. */
const pasidReasons = [0x50, 0x51, 0x52, 0x59, 0x5a, 0x5b];

const vtdKnown: KnownFaults = ({ outcome, write }, { faults }) => {
  const code = faults[0]?.code;
  if (!reaches(outcome) && code !== undefined) {
    if (code === 0x58 && pasidReasons.includes(outcome.code ?? 0))
      return "all troubles of PASID tables are reason 0x58";
    if (outcome.code === 0x59 && code === 0x5b) return "PGTT and AW are judged before P";
    if (legacyOf[outcome.code ?? 0]?.includes(code)) return "faults of scalable mode have legacy reasons";
  }
  if (!reaches(outcome) && outcome.code === 0x7a && code === undefined) {
    return "a bit of second-stage entries that the library refuses passes in scalable mode";
  }
  if (!reaches(outcome) && outcome.code === 0x5a) return "reserved bits of PASID entries are not looked at";
  if (reaches(outcome) || outcome.walk === null || code === undefined) return null;
  const { steps } = outcome.walk;
  const need = write ? 2 : 1;
  const refused = steps.some((s) => (s.words[0]! & need) === 0);
  if (refused && code === (write ? 5 : 6)) return "rights are judged entry by entry, before reserved bits";
  return null;
};

const wide = 2n ** 48n;

const smmuv3Known: KnownFaults = ({ address, outcome }, { faults }) => {
  const code = faults[0]?.code;
  if (address >= wide && faults.length === 0) return "addresses of more than 48 bits do not reach the unit";
  const ste = outcome.entries.find((e) => e.about === StreamEntry.$);
  if (code === 4 && ste !== undefined && read(ste.words, 0, StreamEntry.s1CdMax) !== 0) {
    return "S1CDMax counts where there are no substreams";
  }
  if (!reaches(outcome) && outcome.code === 2 && code !== 2 && /level 1 descriptor/.test(outcome.why)) {
    return "Span counts for twice as many entries, and what lies beyond is a bad entry";
  }
  if (!reaches(outcome) && outcome.code === 9 && ste !== undefined && (ste.words[1]! & 0x00ff_0000) !== 0) {
    return "bits 55:48 of S1ContextPtr are not looked at";
  }
  if (!reaches(outcome) && (outcome.code === 9 || outcome.code === 0xb)) {
    const last = outcome.walk?.steps.at(-1) ?? ste;
    if (last !== undefined && pointsBelowRam(last.words)) return "registers and flash can be read as tables";
  }
  if (!reaches(outcome) && outcome.code === 0xa && /^.*TTB[01] is beyond/.test(outcome.why)) {
    return "bits 55:52 of TTB0 and TTB1 are not looked at";
  }
  const ours = outcomeFault(outcome);
  if (ours === "privilege") return "pages for privileged requests are open to all";
  if (ours === "accessFlag") return "the access flag is not looked at";
  const tableRefuses = !reaches(outcome) && outcome.walk?.steps.some((s) => (s.words[1]! & 0x6000_0000) !== 0);
  if (ours !== null && code === 0x13 && tableRefuses === true)
    return "rights of tables are judged before what lies below";
  if (!reaches(outcome) && outcome.code === 0x11 && (code === undefined || code === 0xb)) {
    return "the width of addresses in descriptors is not checked";
  }
  return null;
};

/** The virt machine has flash and registers below 1 GiB, where the library is told of no memory. */
const pointsBelowRam = (words: Uint32Array) => (words[1]! & 0xffff) === 0 && words[0]! < 2 ** 30;

/** HAD, PPR, GPRP, bit 8 of the domain id, guest paging mode, HPTMode, bits 181:180, 206:192 and 244:240, by word of the entry. */
const refusedByQemu = [0x0000_0080, 0x0030_0000, 0x0000_0100, 0, 0, 0x08f0_0000, 0x0000_7fff, 0x001f_0000];

const amdviKnown: KnownFaults = ({ outcome }) => {
  const dte = outcome.entries.find((e) => e.about === DeviceEntry.$);
  if (dte !== undefined && refusedByQemu.some((mask, n) => (dte.words[n]! & mask) !== 0)) {
    return "fields of device table entries are taken for reserved bits";
  }
  const fault = outcomeFault(outcome);
  if (fault === "inputSize") return "addresses wider than the table are not refused";
  if (fault === "skipped") return "address bits of skipped levels are not looked at";
  if (fault === "reserved") return "reserved bits and values are not refused";
  return null;
};

export const knownFaults: Readonly<Record<UnitRoot["kind"], KnownFaults>> = {
  vtd: vtdKnown,
  smmuv3: smmuv3Known,
  amdvi: amdviKnown,
};
