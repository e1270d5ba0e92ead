/** What differs between the units of different vendors, as the common core asks for it. */
import type { MemoryView } from "../../../mem/view.js";
import type { Attachment, EntryRead, LookupFault } from "../../../table/device/index.js";
import type { CodeSet, FaultName } from "../../../table/index.js";
import type { DmaRequest } from "./request.js";
import type { Tag } from "./tag.js";

/** A refusal as a unit records it. */
export interface RefusedRequest extends DmaRequest {
  readonly code: number;
  /** Entries of device tables that were read, outermost first. */
  readonly entries: readonly EntryRead[];
  /** Which stage of the page tables refused; null where it did not come to one. */
  readonly stage: "first" | "second" | null;
  /** Why they refused, or that the device's own entry lacks the right; null for any other reason. */
  readonly fault: FaultName | null;
  /** The second stage refused a table of the first. */
  readonly onTable: boolean;
  /** What that stage was given; of what memory does not hold, where it should lie. */
  readonly at: number;
  /** Who asks, as the unit's commands name it: a request that stalls is answered by it. */
  readonly slot: number;
}

/** What becomes of a request that was refused. */
export const Refusal = {
  /** The device is told so. */
  ends: 0,
  /** The device is told that all went well. */
  swallows: 1,
  /** It waits for software to say how it goes on. */
  stalls: 2,
  /** Nothing can be recorded now, and it must be: it is tried again when that can be. */
  waits: 3,
} as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

/** What decides which entries of device tables are asked for. */
export type Whose = Pick<DmaRequest, "requester" | "pasid" | "type">;

export interface UnitModel {
  /** Whether it translates at all: otherwise nothing is asked of caches. */
  isOn(): boolean;
  /** All besides the entries that decides about a look-up: an object of its own for each state of those registers. */
  settings(): object;
  /** What a request is attached to, by the unit's registers and the entries that `view` has. */
  lookup(view: MemoryView, whose: Whose): Attachment | LookupFault;
  /** Whether entries that are not valid are cached as well. */
  readonly keepsInvalid: boolean;
  /** Entries of device tables that lead to a device; those that follow lead to one of its address spaces. */
  deviceEntries(): number;
  codes(): CodeSet;
  tagOf(attachment: Attachment): Tag;
  /** Whether a write to this frame is an interrupt message, which no table translates. */
  isMessage(frame: number): boolean;
  /** Why a request of this type is not taken from a device so attached: the unit's code; 0 when it is. */
  refusesType(request: DmaRequest, attachment: Attachment): number;
  /** The unit's code for a device that is attached to no table and lacks a right. */
  lacksRight(write: boolean): number;
  /** Why an address that no table translates does not pass: the unit's code; 0 when it does. */
  refusesAddress(request: DmaRequest, attachment: Attachment): number;
  /** Whether a request for a translation is answered, when tables give this fault: that there is none. */
  isNoTranslation(fault: FaultName): boolean;
  /** The unit's code for a device that is blocked; null: it says nothing. Left out: as the attachment has it. */
  blocks?(attachment: Attachment): number | null;
  /** The unit's code for a read of the range of interrupt messages. Left out: it says nothing. */
  readsMessage?(): number;
  /** Put a refusal where software finds it. */
  record(refused: RefusedRequest): Refusal;
  /** Whether what `waits` can be recorded now. */
  canRecord(): boolean;
}
