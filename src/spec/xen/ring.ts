/**
 * The shared ring of split drivers: one page, a header of four indexes, and a power of two of entries.
 *
 * Indexes are 32-bit counters that run freely: they are masked to find an entry, never in the page.
 * Source: Xen include/public/io/ring.h (struct __name##_sring).
 */

/** Byte offsets of the indexes in the page. */
export const RingIndex = { reqProd: 0, reqEvent: 4, rspProd: 8, rspEvent: 12 } as const;
export type RingIndex = (typeof RingIndex)[keyof typeof RingIndex];

/** Byte offset of the first entry. */
export const ringEntriesAt = 64;
/** Bytes of the page that a ring is. */
export const ringPageBytes = 4096;

/** Entries of a one-page ring: as many as fit, rounded down to a power of two. @param entryBytes the larger of both kinds */
export const ringSize = (entryBytes: number): number =>
  2 ** Math.floor(Math.log2((ringPageBytes - ringEntriesAt) / entryBytes));
