/**
 * What a hypervisor's page map says of a mapping's buffer, where bus addresses are not physical ones.
 *
 * Two machine addresses are told apart: the one that the page map predicts, and the one that the recording shows.
 */

import type { EventBatch } from "../../read/event.js";
import type { Operation } from "./operation.js";
import type { Placed } from "./placement.js";

/** Told of every event before the mapping that it may be, in the recording's order. */
export interface PageWatch {
  see(b: EventBatch, i: number): void;
  /**
   * @param op a mapping whose buffer and outcome have just become known
   * @param original bus address of the buffer as `swiotlb_bounced` printed it, NaN for a mapping that did not bounce
   */
  place(op: Operation, original: number): Placed;
}

/**
 * Last byte of a buffer as the device would reach it without a bounce: above every mask when it cannot be reached in
 * one piece.
 */
export function lastReached(op: Operation): number {
  const { placed } = op;
  if (placed === null) return op.orig + op.size - 1;
  if (placed.straddles === true) return Number.POSITIVE_INFINITY;
  const first = Number.isNaN(placed.seen) ? placed.predicted : placed.seen;
  const last = first + op.size - 1;
  // A bounce that neither force nor mask asked for, of unknown frames, can only have been for those.
  return op.bounced && !op.forced && !(last > op.mask) ? Number.POSITIVE_INFINITY : last;
}
