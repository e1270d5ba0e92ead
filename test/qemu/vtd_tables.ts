/** Roots of VT-d page tables for a unit, before anything else describes them. */
import type { Rng } from "../../src/base/rng.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import { Allow, type TableRoot } from "../../src/table/index.js";

/** A value of AW; mostly one that the unit has. */
export function anyWidth({ abilities }: UnitRoot, rng: Rng): number {
  const had = [1, 2, 3].filter((aw) => ((abilities!.secondLevels! >>> (aw + 2)) & 1) === 1);
  return rng.below(12) === 0 ? 1 + rng.below(3) : had[rng.below(had.length)]!;
}

/** @param top frame of the top table */
export function secondStage({ abilities, outputBits }: UnitRoot, top: number, aw: number): TableRoot {
  const inputBits = Math.min(30 + 9 * aw, Math.max(abilities!.inputBits!, 22 + 9 * aw));
  const address = top * 4096;
  return { format: "vtd-ss", address, level: aw + 1, inputBits, upper: "zero", outputBits, allow: Allow.readWrite };
}

/** Four levels. @param top frame of the top table */
export function firstStage({ outputBits }: UnitRoot, top: number): TableRoot {
  const address = top * 4096;
  return { format: "vtd-fs", address, level: 3, inputBits: 48, upper: "sign", outputBits, allow: Allow.readWrite };
}
