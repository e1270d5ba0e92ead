/** The device tables of a unit: who is attached to which page table. */

import { parseDevice } from "../../audit/inspect/device_name.js";
import { unitsFromRegisters as readUnits } from "../../audit/inspect/registers/units_from_registers.js";
import { frameBytes } from "../../base/frame.js";
import type { MemoryView } from "../../mem/view.js";
import {
  type Attachment,
  deviceTables,
  type LookupFault,
  type UnitKind,
  type UnitRoot,
} from "../../table/device/index.js";
import { type Trouble, Troubles } from "../../table/trouble.js";
import { checkNames, ofOption, oneOf, text, wholeNumber } from "../work_options.js";

/** Whose tables are read. */
export interface UnitOptions {
  /** Memory of a model, or an image of a machine. */
  readonly memory: MemoryView;
  readonly unit: UnitAt;
}

/** Where a unit's tables are; what is left out is unknown, and checks that need it are left out. */
export type UnitAt = Pick<UnitRoot, "kind" | "mode" | "root"> & Partial<UnitRoot>;

/** Which request is asked about. */
export interface LookupOptions extends UnitOptions {
  /** `00:03.0`; with a PASID `00:03.0/5`; of a stream that is no function's `sid:0x12345`. */
  readonly device: string;
}

/** All devices of a unit. */
export interface Attachments {
  /** Every device and PASID that has an entry, in ascending order. */
  readonly attachments: readonly Attachment[];
  /** Entries that could not be believed. */
  readonly troubles: readonly Trouble[];
}

const kinds: readonly UnitKind[] = ["vtd", "amdvi", "smmuv3"];

/**
 * What a unit looks up for a request: the page tables that translate it, or why it goes nowhere.
 * @throws BadOption, also for a device that names none.
 */
export function lookup(options: LookupOptions): Attachment | LookupFault {
  const { memory, unit, device } = checkNames(options, ["memory", "unit", "device"]);
  const { requester, pasid } = ofOption("device", device, () => parseDevice(text("device", device)));
  const whole = wholeUnit(unit);
  return deviceTables[whole.kind].lookup(memory, whole, requester, pasid);
}

/** Is it an attachment, and no fault? */
export const isAttached = (found: Attachment | LookupFault): found is Attachment => "state" in found;

/** Every device of a unit. @throws BadOption */
export function attachments(options: UnitOptions): Attachments {
  const { memory, unit } = checkNames(options, ["memory", "unit"]);
  const whole = wholeUnit(unit);
  const troubles = new Troubles();
  const found = deviceTables[whole.kind].attachments(memory, whole, troubles);
  return { attachments: found, troubles: troubles.list };
}

/**
 * Units as their registers say them.
 * @param registers the text of a JSON file: `{ "kind": "vtd", "registers": { "0xfed90020": "0x0000000003a88000" } }`, values
 *   by physical address, or a list of such objects
 * @throws Unreadable for what is no such text.
 */
export const unitsFromRegisters = (registers: string): readonly UnitRoot[] => readUnits("registers", registers).units;

function wholeUnit(unit: UnitAt): UnitRoot {
  oneOf("unit.kind", unit?.kind, kinds);
  wholeNumber("unit.root", unit.root, 0, 2 ** 52 - 1);
  const known = { registersAt: null, translating: null, interruptRemapping: null, interruptTable: null };
  return { ...known, size: frameBytes, split: 0, outputBits: 52, found: "given", segment: 0, ...unit };
}
