/** How far a device must reach for a buffer. */
import type { Operation } from "../contracts/operation.js";

/**
 * Last byte of a buffer as the device would reach it without a bounce: above every mask when it cannot be reached in
 * one piece.
 */
export function lastByteReached(op: Operation): number {
  const { onBus } = op;
  if (onBus === null) return op.orig + op.size - 1;
  if (onBus.straddles === true) return Number.POSITIVE_INFINITY;
  const first = Number.isNaN(onBus.seen) ? onBus.predicted : onBus.seen;
  const last = first + op.size - 1;
  // A bounce that neither force nor mask asked for, of unknown frames, can only have been for those.
  return op.bounced && !op.forced && !(last > op.mask) ? Number.POSITIVE_INFINITY : last;
}
