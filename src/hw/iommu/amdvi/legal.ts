/**
 * Which commands an AMD-Vi unit takes.
 *
 * Source: AMD IOMMU 48882, 2.4 (what each command needs of the unit), 2.5.6 (illegal commands), 3.4.11 (what units have).
 */
import { type Field, read } from "../../../bits/field.js";
import { commandLayouts, InvalidateDeviceTlb, InvalidatePages, Opcode } from "../../../spec/amdvi/commands.js";
import { ExtendedFeatures } from "../../../spec/amdvi/registers.js";
import { reservedSet } from "../../../table/device/entry.js";
import type { AmdviRegisters } from "./interrupts.js";

/** @param command its four words */
export const opcodeOf = (command: Uint32Array): number => command[1]! >>> 28;

/** Unknown, with reserved bits, or of what the unit cannot do. */
export function isIllegal(command: Uint32Array, registers: AmdviRegisters): boolean {
  const about = commandLayouts[opcodeOf(command)];
  if (about === undefined || reservedSet(command, 0, about)) return true;
  const has = (feature: Field<0 | 1>) => registers.read("efr", feature) === 1;
  const { preFSup, pprSup, iaSup, gtSup } = ExtendedFeatures;
  switch (opcodeOf(command)) {
    case Opcode.prefetch:
      return !has(preFSup);
    case Opcode.completePageRequest:
      return !has(pprSup);
    case Opcode.invalidateAll:
      return !has(iaSup);
    case Opcode.invalidatePages:
      return read(command, 0, InvalidatePages.gn) === 1 && !has(gtSup);
    case Opcode.invalidateDeviceTlb:
      return read(command, 0, InvalidateDeviceTlb.gn) === 1 && !has(gtSup);
    default:
      return false;
  }
}
