/**
 * Entries of VT-d's interrupt tables that any device may use: there, nobody checks who raises the interrupt.
 *
 * Source: VT-d 4.1, 9.9 (SVT), 5.1.3 (the table).
 */
import { frameBytes, type Mfn } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { MemoryView } from "../../../mem/view.js";
import { InterruptEntry } from "../../../spec/vtd/interrupt_entry.js";
import type { UnitRoot } from "../../../table/device/attachment.js";
import type { UncheckedInterrupts } from "../facts/known.js";
import type { UnitMemory } from "../registers/memory.js";

const entryWords = 4;
const wordsOfFrame = 1024;

/** @returns units with entries for any device, and units of whose table not all is held: `missing` frames of it, or null */
export function uncheckedInterrupts(
  memory: MemoryView,
  units: readonly UnitRoot[],
  tables: readonly UnitMemory[],
): UncheckedInterrupts[] {
  return units.flatMap((unit, i): UncheckedInterrupts[] => {
    if (unit.kind !== "vtd" || unit.interruptRemapping !== true) return [];
    const table = tables.find((t) => t.use === "interrupt table" && t.from === unit.interruptTable);
    if (table === undefined) return [{ unit: i, present: 0, unchecked: 0, missing: null }];
    const count = { unit: i, present: 0, unchecked: 0, missing: 0 };
    for (let frame = table.from / frameBytes; frame * frameBytes < table.to; frame++) {
      const words = memory.frame(frame as Mfn);
      if (words === undefined) count.missing++;
      const end = Math.min(wordsOfFrame, (table.to - frame * frameBytes) / 4);
      for (let w = 0; words !== undefined && w < end; w += entryWords) {
        if (read(words, w, InterruptEntry.p) === 0) continue;
        count.present++;
        if (read(words, w, InterruptEntry.svt) === 0) count.unchecked++;
      }
    }
    return count.unchecked === 0 && count.missing === 0 ? [] : [count];
  });
}
