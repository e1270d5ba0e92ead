/** Attachments as they come out of every kind of unit. */
import { Allow } from "../root.js";
import type { Attachment, EntryRead, LookupFault, UnitRoot } from "./attachment.js";
import type { LookupEnd } from "./entry.js";

/** Entries read on the way: a path, or what has one behind it. */
interface Way {
  readonly entries: readonly EntryRead[];
}

/** Whose attachment it is. */
export interface Whose {
  readonly unit: UnitRoot;
  readonly requester: number;
  readonly pasid: number | null;
}

type Rest = Partial<Omit<Attachment, "segment" | "requester" | "pasid" | "entries" | "state" | "why">>;

export function made(whose: Whose, path: Way, state: Attachment["state"], why: string, rest: Rest = {}): Attachment {
  return {
    segment: whose.unit.segment,
    requester: whose.requester,
    pasid: whose.pasid,
    state,
    why,
    domain: null,
    stage: null,
    ats: false,
    first: [],
    second: null,
    allow: Allow.readWrite,
    entries: path.entries,
    ...rest,
  };
}

/** What every device gets from a unit that is switched off, and null from one that is not. */
export function whileOff(whose: Whose, path: Way): Attachment | null {
  if (whose.unit.translating !== false) return null;
  if (whose.unit.abilities?.abortsWhenOff === true) {
    return made(whose, path, "blocked", "the unit is off and told to abort requests");
  }
  return made(whose, path, "bypass", "the unit is off: addresses pass untranslated");
}

/** A device whose entry refuses everything, as an attachment. */
export function blockedBy(whose: Whose, refusal: LookupEnd): Attachment {
  return made(whose, refusal, "blocked", refusal.why);
}

/** A refusal as the contract has it. */
export function faultOf({ code, why, entries }: LookupEnd): LookupFault {
  return { code, why, entries };
}
