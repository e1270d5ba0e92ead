/** Why a pool refused a request. */
import { type Pool, whyFull } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "./alignments.js";
import type { Mappings } from "./mappings.js";

/** Why a mapping failed. Source: Linux kernel/dma/swiotlb.c, the checks in the order in which they refuse. */
export type FailureReason =
  /** No request of this size can ever fit: more than 256 KiB less the device's alignment room. */
  | "too-large"
  /** Fewer free slots in the whole pool than the request needs. */
  | "exhausted"
  /** Enough free slots, but no run of them long enough inside one slot set. */
  | "fragmented"
  /** Enough free slots in the pool, not in any one area. */
  | "area"
  /** Runs long enough exist, but none starts where the device's alignment wants it. */
  | "alignment"
  /** Runs long enough exist, but each crosses the device's segment boundary. */
  | "boundary"
  /** The pool lies above what the device can address. */
  | "mask"
  /** There is no pool. */
  | "absent"
  /** The kernel refused and the model would have had room: the recording does not show why. */
  | "unknown";

export interface PoolRefusal {
  readonly reason: FailureReason;
  /** Slots that were asked for, padding included; 0 when the pool did not refuse. */
  readonly slots: number;
}

/** What the pool, as it is now, lacks for a mapping; it must have refused it. */
export function refusalOf(pool: Pool, maps: Mappings, m: number, a: Alignments): PoolRefusal {
  const device = maps.device[m]!,
    time = maps.time[m]!;
  const full = whyFull(pool, {
    cpu: maps.cpu[m]!,
    orig: maps.orig[m]!,
    size: maps.size[m]!,
    minAlignMask: a.minAlignMask(device, time),
    allocAlignMask: a.allocAlignMask(device),
    boundarySlots: a.boundarySlots(device, time),
  });
  return full === null ? { reason: "unknown", slots: 0 } : { reason: full.reason, slots: full.slots };
}
