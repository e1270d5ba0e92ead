/** What a pool is made of, and what no kernel could have. */
import { Misuse } from "../../base/assert.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";
import type { MachineState } from "../../state/index.js";
import type { BugId } from "./bugs.js";
import type { Profile } from "./profile.js";

/** 16 GiB: more than anyone gives a pool, and what keeping it costs stays below 200 MB. */
const slotsMax = 2 ** 23;

export interface PoolShape {
  /** Bus byte address of slot 0, a multiple of a slot, below 2 ** 53. */
  readonly start: number;
  readonly slots: number;
  readonly areas: number;
  readonly profile?: Profile;
  readonly bugs?: readonly BugId[];
  /** Where the pool is a part of a machine that can be taken back or explored; left out: it stands alone. */
  readonly state?: MachineState;
}

/** @throws Misuse `pool-shape` */
export function checkShape(o: PoolShape): void {
  const { start, slots, areas } = o;
  if (!Number.isSafeInteger(start) || start < 0 || start % slotBytes !== 0)
    throw new Misuse("pool-shape", `start ${start}; it is a bus address, a multiple of ${slotBytes}`);
  if (!Number.isInteger(slots) || slots < 1 || slots > slotsMax)
    throw new Misuse("pool-shape", `${slots} slots; a pool has 1 to ${slotsMax}`);
  if (!Number.isInteger(areas) || areas < 1 || areas > slots)
    throw new Misuse("pool-shape", `${areas} areas for ${slots} slots; there is at least one slot to an area`);
}
