/** How far a device must reach for a buffer. */
import type { Mappings } from "../contracts/mappings.js";

/**
 * Last byte of a buffer as the device would reach it without a bounce: above every mask when it cannot be reached in
 * one piece.
 */
export function lastByteReached(maps: Mappings, m: number): number {
  const onBus = maps.onBus[m]!,
    size = maps.size[m]!;
  if (onBus === null) return maps.orig[m]! + size - 1;
  if (onBus.straddles === true) return Number.POSITIVE_INFINITY;
  const first = Number.isNaN(onBus.seen) ? onBus.predicted : onBus.seen;
  const last = first + size - 1;
  // A bounce that neither force nor mask asked for, of unknown frames, can only have been for those.
  const isUnasked = maps.bounced[m] === 1 && maps.forced[m] === 0 && !(last > maps.mask[m]!);
  return isUnasked ? Number.POSITIVE_INFINITY : last;
}
