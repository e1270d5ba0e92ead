/** What all programs of disks tell of themselves. */
import type { Actor } from "../../../sim/actor.js";
import type { BlockLoad } from "../load/block_load.js";
import { sectorBytes } from "../load/sector_contents.js";
import { type DiskUnit, sectorsEach } from "../units/unit.js";
import type { Failures } from "./failures.js";
import type { Line, Program } from "./program.js";
import type { RefusalLog } from "./refusal_log.js";

/** A program whose load reads and writes its part of a disk, and finds wrong bytes on both sides. */
export function blockProgram(o: {
  readonly line: Line;
  readonly load: BlockLoad;
  readonly unit: DiskUnit;
  readonly firstSector: number;
  readonly actors: readonly Actor[];
  /** What a back end refused; null: there is none. */
  readonly refused: RefusalLog | null;
  /** Why requests failed, where the program itself is told; left out: it is not. */
  readonly failures?: Failures;
  readonly notes?: readonly string[];
  readonly close: () => void;
}): Program {
  const { load, unit, firstSector, notes = [] } = o;
  return {
    description: o.line.description,
    actors: o.actors,
    requests: () => ({ issued: load.issued, ended: load.ended, failed: load.failed }),
    bytes: () => ({ written: load.bytesWritten, read: load.bytesRead }),
    wrong: () => {
      const on = unit.medium.subarray(firstSector * sectorBytes, (firstSector + sectorsEach) * sectorBytes);
      const at = load.differenceOn(on);
      return at < 0 ? load.wrong : [...load.wrong, `the disk differs at byte ${at} of ${load.name}'s part`];
    },
    refusals: () => o.refused?.texts ?? [],
    refused: () => o.refused?.count ?? 0,
    notes: () => [...notes, ...(o.failures?.words() ?? [])],
    close: o.close,
  };
}
