/** Units whose own table is not in the memory: nothing can be said of any device behind them. */

import { frameBytes, type Mfn } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { MemoryView } from "../../mem/view.js";
import type { Trouble } from "../trouble.js";
import type { UnitRoot } from "./attachment.js";
import { streamTableAt, streamTableBytes } from "./smmuv3_stream.js";

/** Frames of a table that are looked for; those of a stream table may be millions. */
const framesMax = 2 ** 16;

/** @returns the trouble that the memory holds no part of the unit's table; null when it holds some, or none is needed. */
export function missingRoot(memory: MemoryView, unit: UnitRoot): Trouble | null {
  if (unit.mode === "abort" || unit.mode === "reserved") return null;
  const { at, bytes } = tableOf(unit);
  const first = Math.floor(at / frameBytes);
  const end = Math.min(Math.ceil((at + bytes) / frameBytes), first + framesMax);
  for (let frame = first; frame < end; frame++) if (memory.frame(frame as Mfn) !== undefined) return null;
  return {
    kind: "outside",
    entryAt: unit.root,
    value: "0x0",
    iova: null,
    level: null,
    what: `the ${names[unit.kind]} at ${hex(unit.root)} lies outside this memory: nothing is known of the unit's devices`,
  };
}

const names = { vtd: "root table", amdvi: "device table", smmuv3: "stream table" } as const;

function tableOf(unit: UnitRoot): { at: number; bytes: number } {
  if (unit.kind === "smmuv3") return { at: streamTableAt(unit), bytes: streamTableBytes(unit) };
  return { at: unit.root, bytes: unit.kind === "vtd" ? frameBytes : Math.max(unit.size, 1) };
}
