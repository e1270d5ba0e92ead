/**
 * What drivers asked of the DMA API, as a recording shows it. A mapping m has two operations, its beginning 2m and its end
 * 2m + 1, each with the interval of time in which the kernel must have carried it out.
 */

/** What became of a mapping. */
export const Outcome = {
  /** The recording has not shown it yet. */
  open: 0,
  /** It was granted, at an address that is known. */
  granted: 1,
  /** It was granted, but its address was not recorded (lists longer than the event holds). */
  beyond: 2,
  /** The kernel refused it (dma_addr all ones). */
  refused: 3,
  /** An entry of a dma_map_sg list that was refused: the kernel writes no event for such a list. */
  refusedList: 4,
  /** The recording ends, or lost events, before its outcome. */
  unknown: 5,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** No mapping, no operation, no entry that follows, no offset. */
export const none = -1;

export const beginOf = (m: number): number => 2 * m;
export const endOf = (m: number): number => 2 * m + 1;
export const mappingOf = (op: number): number => op >> 1;
export const isEnd = (op: number): boolean => (op & 1) === 1;
