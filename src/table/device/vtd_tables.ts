/**
 * VT-d: what an entry's table pointer and width come to as a page table.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, sections 3.6 (first stage), 3.7 (second stage), 9.3 and 9.6
 * (AW, FSPM).
 */
import { Allow, type TableRoot } from "../root.js";
import type { UnitRoot } from "./attachment.js";

/** AW 1 = 3 levels, 2 = 4 levels, 3 = 5 levels. */
export function widthIsSupported(unit: UnitRoot, aw: number): boolean {
  if (aw < 1 || aw > 3) return false;
  const levels = unit.abilities?.secondLevels;
  return levels === undefined || ((levels >>> (aw + 2)) & 1) === 1;
}

/** FSPM 0 = 4 levels, 1 = 5 levels. */
export function firstWidthIsSupported(unit: UnitRoot, fspm: number): boolean {
  if (fspm > 1) return false;
  const levels = unit.abilities?.firstLevels;
  return levels === undefined || ((levels >>> (fspm + 4)) & 1) === 1;
}

const physicalBits = (unit: UnitRoot) => Math.min(unit.outputBits, 52);

export function secondStage(unit: UnitRoot, aw: number, address: number): TableRoot {
  const width = 30 + 9 * aw;
  // The unit takes no more input than MGAW says. A top table that keeps no index bit of it keeps one.
  const inputBits = Math.max(Math.min(width, unit.abilities?.inputBits ?? width), width - 8);
  return {
    format: "vtd-ss",
    address,
    level: aw + 1,
    inputBits,
    upper: "zero",
    outputBits: physicalBits(unit),
    allow: Allow.readWrite,
    ...lacking(unit.abilities?.secondLacks),
  };
}

/** @param outputBits null: outputs are physical addresses; otherwise inputs of a second stage of so many bits. */
export function firstStage(unit: UnitRoot, fspm: number, address: number, outputBits: number | null): TableRoot {
  return {
    format: "vtd-fs",
    address,
    level: fspm + 3,
    inputBits: 48 + 9 * fspm,
    upper: "sign",
    outputBits: Math.min(outputBits ?? physicalBits(unit), 52),
    allow: Allow.readWrite,
    ...lacking(unit.abilities?.firstLacks),
  };
}

function lacking(features: TableRoot["lacks"]): Pick<TableRoot, "lacks"> {
  return features === undefined || features.length === 0 ? {} : { lacks: features };
}
