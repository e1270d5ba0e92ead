/** Roots of device tables as they are given by hand. */
import { rootGiven } from "../../audit/inspect/walk/where_given.js";
import type { UnitRoot } from "../../table/device/index.js";

/** @returns the unit, or what is wrong with the text, as a sentence that begins with it. */
export function unitGiven(text: string): UnitRoot | string {
  const unit = rootGiven(text);
  // What lies behind a table that is shorter than the longest would be read as entries of it.
  if (typeof unit === "string" || unit.kind !== "amdvi" || text.includes(",")) return unit;
  const where = "bits 8:0 of the unit's register 0, plus 1, times 4096";
  return `${text}: how long is the table? Give amdvi:ADDRESS,BYTES (${where})`;
}
