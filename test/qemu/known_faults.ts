/**
 * Where QEMU is known to differ from what units do, and the library therefore from QEMU. Each is described, with the
 * reason, in docs/decisions/0007-qemu-as-a-judge.md. Where it can be said what QEMU does instead, the fault explains a
 * difference only when that comes to what QEMU did.
 */

import { read } from "../../src/bits/field.js";
import { DeviceEntry } from "../../src/spec/amdvi/device_entry.js";
import { V1NextLevel, V1Page } from "../../src/spec/amdvi/host_table.js";
import { ContextDescriptor } from "../../src/spec/smmuv3/context_descriptor.js";
import { L1StreamDescriptor, StreamConfig, StreamEntry } from "../../src/spec/smmuv3/stream_table.js";
import { PasidEntry } from "../../src/spec/vtd/pasid.js";
import { reservedMask } from "../../src/table/device/entry.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import type { FaultName } from "../../src/table/index.js";
import type { Alternative, Change } from "./alternative.js";
import type { Probe, Seen } from "./judge.js";
import { type Outcome, reaches } from "./predict.js";

/** @returns the name of the fault that explains the difference; null when none does. */
export type KnownFaults = (
  probe: Probe & { readonly requester: number },
  seen: Seen,
  other: Alternative,
) => string | null;

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

/** Is what QEMU records one of its names for our reason? */
export const alikeInScalable = (ours: number, code: number) =>
  ours === code || legacyOf[ours]?.includes(code) === true || (code === 0x58 && pasidReasons.includes(ours));

const withoutPasidReserved: Change = {
  clear: (about) => (about === PasidEntry.$.title ? reservedMask(PasidEntry.$) : null),
  alike: alikeInScalable,
};

const vtdKnown: KnownFaults = ({ outcome, write }, { faults }, other) => {
  const code = faults[0]?.code;
  if (!reaches(outcome) && code !== undefined) {
    if (code === 0x58 && pasidReasons.includes(outcome.code ?? 0))
      return "all troubles of PASID tables are reason 0x58";
    if (outcome.code === 0x59 && code === 0x5b) return "PGTT and AW are judged before P";
    if (legacyOf[outcome.code ?? 0]?.includes(code)) return "faults of scalable mode have legacy reasons";
  }
  if (!reaches(outcome) && outcome.code === 0x7a && code === undefined) {
    const last = outcome.walk?.steps.at(-1)?.words;
    if (last !== undefined && (last[0]! & snoop) !== 0 && other.explains({ root: { lacks: [] } }))
      return "SNP passes where the unit has no snoop control";
  }
  if (!reaches(outcome) && outcome.code === 0x5a && (code === 3 || code === 4) && /stage stands at/.test(outcome.why))
    return "the width of a PASID entry's table is not looked at before the table is read";
  if (!reaches(outcome) && outcome.code === 0x5a && other.explains(withoutPasidReserved))
    return "reserved bits of PASID entries are not looked at";
  if (reaches(outcome) || outcome.walk === null || code === undefined) return null;
  const { steps } = outcome.walk;
  const need = write ? 2 : 1;
  const refused = steps.some((s) => (s.words[0]! & need) === 0);
  if (refused && code === (write ? 5 : 6)) return "rights are judged entry by entry, before reserved bits";
  return null;
};

/** Bit 11 of a second-stage entry. */
const snoop = 0x800;

const wide = 2n ** 48n;

/** Without a first stage, inputs of a unit of 44 output bits end here. */
const inputsOfUnit = 2n ** 44n;

/** By S2TG: below this S2T0SZ, a second stage that starts at level 1 (2 for 64 KiB) has more than one top table. */
const oneTable = [25, 22, 28, 0];

const sideBySide = (ste: Uint32Array) =>
  read(ste, 0, StreamEntry.s2Sl0) === 1 && read(ste, 0, StreamEntry.s2T0sz) < oneTable[read(ste, 0, StreamEntry.s2Tg)]!;

/** Bits 55:48 of S1ContextPtr; 55:52 of TTB0 and of TTB1. By word. */
const droppedOfStream = [0, 0x00ff_0000];
const droppedOfContext = [0, 0, 0, 0x00f0_0000, 0, 0x00f0_0000];

/** What QEMU drops and does not look at, all together. */
const looseSmmu: Change = {
  root: { accessFlag: "ignore", privileged: true, outputBits: 52 },
  clear: (about) =>
    about === StreamEntry.$.title ? droppedOfStream : about === ContextDescriptor.$.title ? droppedOfContext : null,
};

const smmuv3Known: KnownFaults = ({ address, outcome, write }, { faults }, other) => {
  const code = faults[0]?.code;
  if (address >= wide && faults.length === 0) return "addresses of more than 48 bits do not reach the unit";
  const entry = (title: string) => outcome.entries.find((e) => e.about.title === title)?.words;
  const ste = entry(StreamEntry.$.title);
  if (code === 4 && ste !== undefined && read(ste, 0, StreamEntry.s1CdMax) !== 0) {
    return "S1CDMax counts where there are no substreams";
  }
  const config = ste === undefined ? 0 : read(ste, 0, StreamEntry.config);
  if (config >= StreamConfig.second && sideBySide(ste!)) return "of top tables side by side, only the first is found";
  if (reaches(outcome)) return null;
  if (config === StreamConfig.second && address >= inputsOfUnit && faults.length === 0 && outcome.code === 0x10)
    return "addresses beyond the unit's inputs are faults of stage 1, which nobody records";
  const span = entry(L1StreamDescriptor.$.title);
  if (outcome.code === 2 && code !== 2 && span !== undefined && read(span, 0, L1StreamDescriptor.span) > 0) {
    return "Span counts for twice as many entries, and what lies beyond is a bad entry";
  }
  if (
    outcome.code === 0x10 &&
    outcome.walk === null &&
    (code === 0xb || code === 0x13) &&
    /second stage/.test(outcome.why)
  )
    return "the library has one code for a descriptor that the second stage refuses";
  if (readsMachine(outcome, entry)) return "registers and flash can be read as tables";
  const tableRefuses = outcome.walk?.steps.some((s) => (s.words[1]! & 0x4000_0000) !== 0);
  if (write && code === 0x13 && tableRefuses === true) return "rights of tables are judged before what lies below";
  // The bits are dropped before the descriptor is read: whatever it comes to, the entry is not a bad one.
  const tooWide = outcome.code === 4 && /S1ContextPtr is beyond/.test(outcome.why);
  const notMapped =
    outcome.code === 0x10 && outcome.walk === null && ste !== undefined && (ste[1]! & 0x00ff_0000) !== 0;
  if (code !== 4 && (tooWide || notMapped)) return "bits 55:48 of S1ContextPtr are not looked at";
  if (!other.explains(looseSmmu)) return null;
  if (outcome.code === 0xa && /TTB[01] is beyond/.test(outcome.why))
    return "bits 55:52 of TTB0 and TTB1 are not looked at";
  const ours = outcomeFault(outcome);
  if (ours === "privilege") return "pages for privileged requests are open to all";
  if (ours === "accessFlag") return "the access flag is not looked at";
  if (outcome.code === 0x11) return "the width of addresses in descriptors is not checked";
  return null;
};

/** The virt machine has flash and registers below 1 GiB, where the library is told of no memory. */
function readsMachine(
  outcome: Exclude<Outcome, { reaches: number }>,
  entry: (title: string) => Uint32Array | undefined,
) {
  const isLow = (low: number, high: number) => (high & 0xffff) === 0 && low < 2 ** 30;
  if (outcome.code === 9) {
    const ste = entry(StreamEntry.$.title);
    return ste !== undefined && isLow(ste[0]!, ste[1]!);
  }
  if (outcome.code !== 0xb) return false;
  const last = outcome.walk?.steps.at(-1)?.words;
  if (last !== undefined) return isLow(last[0]!, last[1]!);
  const cd = entry(ContextDescriptor.$.title);
  const second = entry(StreamEntry.$.title);
  if (cd === undefined) return second !== undefined && isLow(second[6]!, second[7]!);
  return isLow(cd[2]!, cd[3]!) || isLow(cd[4]!, cd[5]!);
}

/** HAD, PPR, GPRP, bit 8 of the domain id, guest paging mode, HPTMode, bits 181:180, 206:192 and 245:240, by word of the entry. */
const refusedByQemu = [0x0000_0080, 0x0030_0000, 0x0000_0100, 0, 0, 0x08f0_0000, 0x0000_7fff, 0x003f_0000];

/** What QEMU does not look at in page table entries, all together. */
const looseAmdvi: Change = {
  noReserved: true,
  present: (words) =>
    [V1NextLevel.ownSize, V1NextLevel.encodedSize].includes(read(words, 0, V1Page.next) as 0) ? 1 : 0,
  open: ["skipped"],
  openAt: (words) => read(words, 0, V1Page.next) === V1NextLevel.encodedSize,
};

const amdviKnown: KnownFaults = ({ address, outcome, write }, { data }, other) => {
  const dte = outcome.entries.find((e) => e.about === DeviceEntry.$);
  const refuses = dte !== undefined && refusedByQemu.some((mask, n) => (dte.words[n]! & mask) !== 0);
  if (refuses && reaches(outcome) && (write || data === 0n)) {
    return "fields of device table entries are taken for reserved bits";
  }
  const fault = outcomeFault(outcome);
  if (fault === "skipped") return "address bits of skipped levels are not looked at";
  if (fault === null || dte === undefined) return null;
  const last = reaches(outcome) ? undefined : outcome.walk?.steps.at(-1)?.words;
  if (fault === "reserved" && last !== undefined && read(last, 0, V1Page.next) === V1NextLevel.encodedSize)
    return "sizes in addresses are not held against the level";
  const bits = 12 + 9 * read(dte.words, 0, DeviceEntry.mode);
  if (!other.explains({ ...looseAmdvi, address: BigInt.asUintN(bits, address) })) return null;
  if (fault === "inputSize") return "addresses wider than the table are not refused";
  if (fault === "reserved") return "reserved bits are not refused";
  return fault === "absent" ? "the PR bit of a page is not looked at" : null;
};

export const knownFaults: Readonly<Record<UnitRoot["kind"], KnownFaults>> = {
  vtd: vtdKnown,
  smmuv3: smmuv3Known,
  amdvi: amdviKnown,
};
