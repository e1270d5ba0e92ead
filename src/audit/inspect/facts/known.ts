/** What the rules look at: everything that one image, and what was given beside it, tells. */

import type { FrameRun } from "../../../read/image/image.js";
import type { Attachment, LookupFault, UnitRoot } from "../../../table/device/attachment.js";
import type { Trouble } from "../../../table/trouble.js";
import type { DeviceId } from "../device_name.js";
import type { Place } from "../place.js";
import type { Stretch } from "../stretch.js";
import type { TableFrames } from "../table_frames.js";
import type { DeviceReach, Finding } from "./inspection.js";
import type { ReverseIndex } from "./reverse_index.js";

/** Where the kernel's code lies. */
export interface KernelPlace extends Stretch {
  /** How it was found: `SYMBOL(_stext) and phys_base of VMCOREINFO at 0x2fff000`. */
  readonly how: string;
}

/** Requesters of a segment, or streams of a unit, both inclusive. */
export interface RequesterRange {
  readonly segment: number;
  readonly first: number;
  readonly last: number;
  /** Absent: requester ids. Otherwise stream ids of this unit, as an index. */
  readonly unit?: number;
}

/** A region that firmware says a device must go on reaching. */
export interface ReservedRegion extends Stretch {
  /** `RMRR`, `IVMD`, `RMR`. */
  readonly kind: string;
  /** The devices that it is for; null: all of the segment. */
  readonly devices: readonly RequesterRange[] | null;
  /** Absent: 0. */
  readonly segment?: number;
  /** Devices that it is for as well, and nobody says which those are: `00:1c.7 → 00.0`. */
  readonly unknown?: readonly string[];
}

/** A device on the bus. */
export interface BusDevice extends DeviceId {
  /** `8086:100e Ethernet controller`, or "". */
  readonly about: string;
  /** Its windows into physical memory. */
  readonly bars: readonly Stretch[];
  /** Buses right below and last below; null for what is no bridge. */
  readonly buses: { readonly secondary: number; readonly subordinate: number } | null;
  /** Base class and subclass, vendor and device id; null or absent: not said. */
  readonly class?: number | null;
  readonly vendor?: number | null;
  readonly device?: number | null;
  /** All that a text calls it; null or absent: there is none. */
  readonly text?: string | null;
  /** Requester ids of its virtual functions; null or absent: it has none, or nobody says. */
  readonly virtualFunctions?: readonly number[] | null;
}

/** A device of which nobody says which unit it is behind, and what they differ in. */
export interface Unplaced {
  readonly device: BusDevice;
  readonly why: string;
}

/** A device that sends under the ids of others. */
export interface Sender {
  readonly device: BusDevice;
  /** One of these; empty: none of them is on the list. */
  readonly as: readonly DeviceId[];
}

/** What the units do with a device on the bus that no entry names. */
export interface Uncovered {
  readonly device: BusDevice;
  /** null: no unit's scope has it in it. */
  readonly outcome: Attachment | LookupFault | null;
}

/** What registers say beside the units. */
export interface RegisterNote {
  readonly rule: string;
  readonly where: string;
  readonly what: string;
  readonly why: string;
}

/** Tables that have the form of a unit's, and that no unit uses. */
export interface OtherTable {
  readonly kind: string;
  readonly address: number;
  readonly because: string;
}

/** Entries of a VT-d unit's interrupt table, and those of them that any device may use. */
export interface UncheckedInterrupts {
  readonly unit: number;
  readonly present: number;
  readonly unchecked: number;
  /** Frames of the table that the image does not hold; null: where the table lies is not known. */
  readonly missing: number | null;
}

/** Requesters whose AMD-Vi entries are all zeros: V is 0, so that their addresses pass untranslated. */
export interface Silent {
  readonly unit: number;
  readonly first: number;
  readonly last: number;
  /** Firmware lists them for the unit; false: for none. Absent: it says nothing. */
  readonly listed?: boolean;
}

export interface Known {
  readonly units: readonly UnitRoot[];
  readonly devices: readonly DeviceReach[];
  readonly unitTroubles: readonly (readonly Trouble[])[];
  readonly index: ReverseIndex;
  readonly tables: TableFrames;
  /** Units of whose own table the memory holds nothing, as indices into `units`. */
  readonly unread: readonly number[];
  /** Units of whose own table no entry can be believed, as indices into `units`. Absent: there are none. */
  readonly unbelieved?: readonly number[];
  /** Name of the machine that the image is of; null: it does not say. */
  readonly machine: string | null;
  /** Frames that the image holds. */
  readonly runs: readonly FrameRun[];
  /** What is known to be no memory: ascending, apart from each other. */
  readonly places: readonly Place[];
  /** RAM, ascending; null where the image is not known to hold all of it. */
  readonly ram: readonly Stretch[] | null;
  /** The image holds all of the machine's memory, as far as its mappings show; null: it cannot be told. */
  readonly whole: boolean | null;
  /** Units whose registers are where firmware lists none, as indices into `units`. */
  readonly strangers: readonly number[];
  /** Parts of the image are known to be missing: it was cut short or damaged. */
  readonly isPartial: boolean;
  /** null: it was not found. */
  readonly kernel: KernelPlace | null;
  /** null: no ACPI tables were found. */
  readonly reserved: readonly ReservedRegion[] | null;
  /** null: nobody said what is on the bus. */
  readonly bus: readonly BusDevice[] | null;
  readonly uncovered: readonly Uncovered[];
  readonly unplaced?: readonly Unplaced[];
  readonly senders?: readonly Sender[];
  /** Ids under which firmware says that what is on no bus sends: I/O APICs, HPETs, what ACPI names; and aliases. */
  readonly firmwareIds?: readonly DeviceId[];
  /** Root complexes and IOMMUs on the bus that no unit lists. */
  readonly rootFunctions?: readonly BusDevice[];
  readonly registerNotes: readonly RegisterNote[];
  readonly silent: readonly Silent[];
  readonly uncheckedInterrupts: readonly UncheckedInterrupts[];
  readonly otherTables: readonly OtherTable[];
  /** Units that firmware lists and whose tables nobody gave, as messages call them. */
  readonly missingUnits: readonly string[];
}

/** One rule: what it looks for, and what it says. */
export interface Rule {
  readonly name: string;
  /** One sentence for a list of rules. */
  readonly about: string;
  find(known: Known): Finding[];
}
