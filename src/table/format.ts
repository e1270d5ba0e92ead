/**
 * A radix table format as data.
 *
 * Level 0 holds only leaves; each level above resolves more bits of the address. What the hardware documents call
 * their levels stands in each format's `levels`. `plan.ts` turns a format and a root into the numbers that are walked.
 */
import type { Field } from "../bits/field.js";
import type { About } from "../bits/layout.js";

/** Formats of page tables: unit, stage, and granule where there are several. */
export type FormatName =
  | "vtd-ss"
  | "vtd-fs"
  | "amdvi-v1"
  | "amdvi-v2"
  | "smmu-s1-4k"
  | "smmu-s1-16k"
  | "smmu-s1-64k"
  | "smmu-s2-4k"
  | "smmu-s2-16k"
  | "smmu-s2-64k";

/** What not every unit can do; bits that ask for it are reserved in a unit that cannot. */
export type UnitFeature = "snoop-control" | "device-tlb" | "pages-2m" | "pages-1g";

/** What makes a right: the bit itself, its opposite, or nothing at all. */
export type Grant = Field | { readonly not: Field } | true;

/** What one entry lets pass; the rights of a translation are those that every entry on the way grants. */
export interface Grants {
  readonly read: Grant;
  readonly write: Grant;
  /** Without it only requests with privilege pass. */
  readonly user: Grant;
}

export interface Mark {
  readonly field: Field;
  readonly value: number;
  /** Written only where writes are allowed. */
  readonly ofWritable?: true;
}

/** One form of entry: a table pointer or a leaf, at a level. */
export interface EntryShape {
  readonly about: About;
  /** The address: where its bits lie in the entry is where they lie in the address. */
  readonly frame: Field;
  /** Output address bits 51:48 that lie in bits 15:12 (granule of 64 KiB). */
  readonly frameHigh: Field | null;
  readonly grants: Grants;
  /** What Linux writes there beside rights and address, and no walk asks for. */
  readonly marks: readonly Mark[];
  /** Fields that are reserved where the unit lacks a feature. */
  readonly optional: readonly (readonly [UnitFeature, Field])[];
}

/** How an entry is taken, by the value of the format's `kind` field. */
export type EntryKind = "absent" | "table" | "leaf" | "reserved";

export interface LevelShape {
  /** The vendor's name of an entry at this level. */
  readonly name: string;
  readonly table: EntryShape | null;
  readonly leaf: EntryShape | null;
  /** By value of `kind`. */
  readonly kinds: readonly EntryKind[];
  /** A leaf here is reserved in a unit without this. */
  readonly leafNeeds: UnitFeature | null;
  /** A leaf here is no entry at all where addresses have fewer bits (Arm's blocks of 4 TiB). */
  readonly leafOutputBitsMin: number;
}

export interface TableFormat {
  readonly name: FormatName;
  readonly unit: "vtd" | "amdvi" | "smmuv3";
  readonly stage: "first" | "second";
  readonly source: string;
  /** Bytes of a page and of a table, as a power of two; each level resolves granuleLg2 - 3 bits. */
  readonly granuleLg2: 12 | 14 | 16;
  /** By level; the last one is the highest that may be a top. */
  readonly levels: readonly LevelShape[];
  /** An entry in which all of these are zero is absent. Empty: one whose `kind` is even. */
  readonly present: readonly Field[];
  /** At most 3 bits in the low word, the same at every level. */
  readonly kind: Field;
  /** AMD-Vi v1: `kind` is the level of the next table, and levels may be skipped; 7 is a leaf with its size in the address. */
  readonly nextLevel: boolean;
  /** A leaf in which this is zero faults unless the root says otherwise. */
  readonly accessFlag: Field | null;
  /** SMMUv3 stage 1: a leaf with it counts for its own ASID (nG). A mapper sets it, as kernels do for devices; null elsewhere. */
  readonly notGlobal: Field | null;
  /** Tables that may stand side by side as one wide top, as a power of two. */
  readonly concatenatedLg2: number;
  /** Entries of a level-0 or level-1 run that the contiguous bit joins, by level, as a power of two; empty: no such bit. */
  readonly contiguousLg2: readonly number[];
  /** VT-d: a translation that ends in the interrupt range 0xfee00000 to 0xfeefffff is a fault. */
  readonly interruptRange: boolean;
}
