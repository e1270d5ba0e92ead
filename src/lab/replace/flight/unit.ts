/** A whole unit whose entry is replaced while a device writes through it: what differs by vendor. */
import type { Transaction } from "../../../hw/iommu/core/transaction.js";
import type { Memory } from "../../../mem/memory.js";
import type { Actor } from "../../../sim/actor.js";
import type { MachineState } from "../../../state/index.js";
import type { TagName } from "../../../sw/iommu/entry/sequences/sequence.js";
import type { ReplacedEntry } from "../replaced_entry.js";

export interface FlightUnit {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly transaction: Transaction;
  /** Besides the transaction. */
  readonly actors: readonly Actor[];
  readonly requester: number;
  /** Another device, whose entry is its own; null: there is none. */
  readonly neighbour: Neighbour | null;
  /** The unit drops what it keeps of device tables: it may at any time. */
  readonly evict: () => void;
  /** Byte address of the entry. */
  readonly entryAt: number;
  /** Post what makes the unit forget the entry, or translations under a tag, and a wait; nobody waits yet. */
  readonly ask: (what: "entry" | TagName) => void;
  /** Is all that was asked done? */
  readonly isAnswered: () => boolean;
}

export interface Neighbour {
  readonly transaction: Transaction;
  readonly requester: number;
  /** Byte address of its entry. */
  readonly entryAt: number;
}

export interface FlightHardware {
  /** Left out: as the hardware does. */
  readonly fetchBits?: 64 | 128 | 256 | 512;
  /** Who waits until the entry is forgotten waits for requests under way as well. Default true. */
  readonly drains?: boolean;
  /** Another device is there. Default false; only VT-d in scalable mode has room for one. */
  readonly neighbour?: boolean;
}

export interface Flight {
  readonly of: ReplacedEntry;
  build(o: FlightHardware): FlightUnit;
  /** Where a frame leads by an entry of this kind and side: a frame, or null for a refusal. */
  leads(kind: string, side: "old" | "new", frame: number): number | null;
}

/** The frame that the domains lead apart, and one that all lead alike. */
export const written = { apart: 5, alike: 55 } as const;
/** Where stages lead the first of them. */
export const pages = {
  first: { old: 50, new: 51 },
  second: { old: 52, new: 53 },
} as const;
