/** Where QEMU's units do in programs what units do not: each with the section that says so. */
import { alikeInScalable } from "../known_faults.js";
import { nothing } from "./answer.js";

/** An access that QEMU answered as ours may not, or queues that stand elsewhere. */
export interface Difference {
  /** What ours may answer. */
  readonly ours: readonly string[];
  readonly qemu: string;
  readonly write: boolean;
  /** Rights of the translations of its page that ours had cached. */
  readonly cached: readonly number[];
  /** What it depends on changed, and was not invalidated. */
  readonly mayBeStale: boolean;
}

/** @returns the name of QEMU's fault that explains its answer; null when none does. */
export type KnownProgramFaults = (difference: Difference) => string | null;

/** Of a record as a text: the reason, bits 39:32 of its upper half. */
const reasonOf = (record: string) => parseInt(record.slice(6, 8), 16);
const withoutReason = (record: string) => record.slice(0, 6) + record.slice(8);
const rightsReasons = [0x05, 0x06, 0x79];

/** A translation is cached that lacks the right. QEMU is content with it; ours then asks the tables. */
const refusesByCache = ({ cached, write }: Difference) => cached.some((allow) => (allow & (write ? 2 : 1)) === 0);

/** Allowed, as any use of a stale entry is: what it lacks, memory may have by now, or have no longer. */
const byStaleRights = "a stale translation without the right refuses, where ours walks again (either is legal)";

const withoutPasid = (record: string) =>
  withPasid.test(record) ? record.slice(0, 8) + (parseInt(record[8]!, 16) - 8).toString(16) + record.slice(9) : record;
/** PP, bit 31 of the upper half, of the PASID 0 that stands for requests without one. */
const withPasid = /^[0-9a-f]0000[0-9a-f]{3}[89a-f]/;

export const vtdKnown: KnownProgramFaults = (d) => {
  if (d.qemu === nothing) {
    // 7.2: what is refused is recorded.
    const refused = d.mayBeStale || d.ours.some((answer) => rightsReasons.includes(reasonOf(answer)));
    return refused && refusesByCache(d)
      ? "a cached translation without the right refuses, and nothing is recorded"
      : null;
  }
  // 11.4.7.6: PP says that the request had a PASID, and edu's has none.
  const qemu = withoutPasid(d.qemu);
  const pp = qemu === d.qemu ? "" : "a request without a PASID is recorded as one with PASID 0";
  if (d.ours.includes(qemu)) return pp;
  const alike = d.ours.some(
    (answer) => withoutReason(answer) === withoutReason(qemu) && alikeInScalable(reasonOf(answer), reasonOf(qemu)),
  );
  // 7.1.3, SPT.2: absence is 0x59. QEMU looks at P only where the context entry is not cached.
  const isRights = reasonOf(qemu) === 5 || reasonOf(qemu) === 6;
  if (isRights && d.ours.some((answer) => reasonOf(answer) === 0x59 && withoutReason(answer) === withoutReason(qemu)))
    return "a PASID entry that is not present is taken for a table at 0";
  const names = ["faults of scalable mode have other reasons", ...(pp === "" ? [] : [pp])];
  return alike ? names.join(", and ") : null;
};

/** CLASS of an event's record is 2, of the input address, in the events that edu can cause (IHI 0070 G, 7.3.12 to 7.3.16). */
const withoutClass = (event: string) =>
  event
    .split(" ")
    .map((word, n) => (n === classWord ? (parseInt(word, 16) & ~0x300).toString(16) : word))
    .join(" ");
/** After "event" and the number. */
const classWord = 2 + 3;

export const smmuKnown: KnownProgramFaults = (d) => {
  if (d.mayBeStale && d.qemu.startsWith("event 0x13 ") && refusesByCache(d)) return byStaleRights;
  return d.qemu !== nothing && d.ours.map(withoutClass).includes(d.qemu) ? "CLASS of an event is left 0" : null;
};

/** 48882, 3.4.13: the head goes back to 0 at the ring's end. */
export const amdviKnown: KnownProgramFaults = (d) => {
  if (d.mayBeStale && d.qemu === nothing && refusesByCache(d)) return byStaleRights;
  const atBegin = d.ours.includes(d.qemu.replace(/^head 4096,/, "head 0,"));
  return atBegin ? "the command head stands at the ring's end until the next command" : null;
};
