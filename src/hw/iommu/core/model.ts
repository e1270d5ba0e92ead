/** What differs between the units of different vendors, as the common core asks for it. */
import type { Attachment, DeviceTables, EntryRead, UnitRoot } from "../../../table/device/index.js";
import type { CodeSet } from "../../../table/index.js";
import type { DmaRequest } from "./request.js";
import type { Tag } from "./tag.js";

/** A refusal as a unit records it. */
export interface RefusedRequest extends DmaRequest {
  readonly code: number;
  /** Entries of device tables that were read, outermost first. */
  readonly entries: readonly EntryRead[];
  /** Which stage of the page tables refused; null where it did not come to one. */
  readonly stage: "first" | "second" | null;
}

export interface UnitModel {
  readonly tables: DeviceTables;
  /** The unit as its registers stand. */
  root(): UnitRoot;
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
  /** Put a refusal where software finds it. */
  record(refused: RefusedRequest): void;
}
