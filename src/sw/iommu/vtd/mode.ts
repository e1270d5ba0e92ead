/** What differs between the modes of a VT-d unit: how it is told what a device is attached to, and what it is to forget. */
import type { TableRoot } from "../../../table/index.js";
import type { Covering } from "../covering.js";
import type { UnitPorts } from "../ports.js";
import type { AttachedDevice } from "../unit_driver.js";

/** What a device is attached to: tables of a domain, or none, with the domain id that its translations are tagged with. */
export interface AttachedTo {
  readonly did: number;
  /** null: it passes untranslated. */
  readonly root: TableRoot | null;
  /** The PASID's entry in a guest's table, whose first stage the tables are the second one of. */
  readonly guest?: Uint32Array;
}

export interface VtdMode {
  /** Value of the root table's address for the mode (RTADDR.TTM). */
  readonly ttm: number;
  /** Bytes of its queue's descriptors. */
  readonly descriptorBytes: 16 | 32;
  /** What of a table does not depend on where it stands. */
  readonly root: Omit<TableRoot, "address">;
  /** Byte address of a device's context entry: one of zeros blocks it. */
  entryAt(requester: number): number;
  /** Everything, of a unit whose root table is new. */
  forgetAll(): readonly Uint32Array[];
  /** Store the entries that lead to what a device is attached to; null: nowhere. @returns what the unit is to forget */
  attach(device: AttachedDevice, to: AttachedTo | null): readonly Uint32Array[];
  /** @param range null: all of the domain @param leavesOnly no table was unlinked */
  forgetPages(did: number, range: Covering | null, leavesOnly: boolean): Uint32Array;
}

/** @param root byte address of the root table */
export type MakeMode = (ports: UnitPorts, root: number) => VtdMode;

/** Both stages: four levels, the addresses of memory that units of servers have. */
export const tables = { level: 3, inputBits: 48, outputBits: 46 } as const;
/** AW: four levels. */
export const fourLevels = 2;
