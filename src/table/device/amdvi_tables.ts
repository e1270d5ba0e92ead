/**
 * AMD-Vi: what a device table entry's fields come to as page tables.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, sections 2.2.2.1 (Mode, IR, IW, GCR3 fields,
 * GuestPagingMode), 2.2.3 (v1 tables), 2.2.6 (v2 tables).
 */
import { frameBytes } from "../../base/frame.js";
import { read } from "../../bits/field.js";
import { DeviceEntry } from "../../spec/amdvi/device_entry.js";
import { Allow, type TableRoot } from "../root.js";
import type { UnitRoot } from "./attachment.js";

/** Mode 0 needs no table, 1 to 6 are levels, 7 is reserved. */
export function levelsAreSupported(unit: UnitRoot, mode: number): boolean {
  if (mode === 7) return false;
  const levels = unit.abilities?.secondLevels;
  return mode === 0 || levels === undefined || ((levels >>> mode) & 1) === 1;
}

const physicalBits = (unit: UnitRoot) => Math.min(unit.outputBits, 52);

export function v1Table(unit: UnitRoot, entry: Uint32Array): TableRoot {
  const mode = read(entry, 0, DeviceEntry.mode);
  return {
    format: "amdvi-v1",
    address: read(entry, 0, DeviceEntry.frame) * frameBytes,
    level: mode - 1,
    inputBits: Math.min(12 + 9 * mode, 64),
    upper: "zero",
    outputBits: physicalBits(unit),
    allow: (read(entry, 0, DeviceEntry.ir) | (read(entry, 0, DeviceEntry.iw) << 1)) as Allow,
  };
}

/**
 * @param nested its outputs are inputs of the host table; otherwise they are host addresses, for which the entry's own
 *   IR and IW count.
 */
export function v2Table(unit: UnitRoot, entry: Uint32Array, address: number, nested: TableRoot | null): TableRoot {
  const fifth = read(entry, 0, DeviceEntry.guestPagingMode);
  const own = (read(entry, 0, DeviceEntry.ir) | (read(entry, 0, DeviceEntry.iw) << 1)) as Allow;
  return {
    format: "amdvi-v2",
    address,
    level: 3 + fifth,
    inputBits: 48 + 9 * fifth,
    upper: "sign",
    outputBits: nested === null ? physicalBits(unit) : Math.max(32, Math.min(nested.inputBits, 52)),
    allow: nested === null ? own : Allow.readWrite,
  };
}

/** Address of the GCR3 table, from its three parts. */
export function gcr3Table(entry: Uint32Array): number {
  const low = read(entry, 0, DeviceEntry.gcr3Low);
  const middle = read(entry, 0, DeviceEntry.gcr3Middle);
  return (low + middle * 2 ** 3 + read(entry, 0, DeviceEntry.gcr3High) * 2 ** 19) * frameBytes;
}
