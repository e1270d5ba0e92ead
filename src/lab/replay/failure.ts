/** A mapping that failed, and why. Times are microseconds, sizes bytes. */

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

/** `count` slots from `slot` belong to `device` (an index into `devices`, -1 = a mapping of unknown origin). */
export interface SlotRun {
  readonly slot: number;
  readonly count: number;
  readonly device: number;
}

export interface Failure {
  readonly time: number;
  /** Index into `devices`. */
  readonly device: number;
  readonly cpu: number;
  /** Bytes asked for; `slots` is what they need. */
  readonly size: number;
  readonly slots: number;
  readonly reason: FailureReason;
  /** Free slots of the whole pool, and the longest run of them inside one slot set, at that instant. */
  readonly free: number;
  readonly longestRun: number;
  readonly used: number;
  /** True for an entry of a dma_map_sg list: the kernel writes no event when such a list is refused. */
  readonly list: boolean;
  /** One sentence: what was asked, what was there. */
  readonly words: string;
  /** Who held which slots at that instant, in order of slot; null beyond the number of pictures kept. */
  readonly picture: readonly SlotRun[] | null;
}
