/**
 * Memory for pools that are added while running: pages, and sharing them with the host where memory is encrypted.
 *
 * Source: Linux kernel/dma/swiotlb.c, alloc_dma_pages, swiotlb_alloc_tlb and swiotlb_free_tlb.
 */

/** The machine's page allocator, as the pool uses it. */
export interface Pages {
  /** @returns the address of pages in one piece that end at or below `limit`, aligned to their size; null for none. */
  allocate(bytes: number, limit: number): number | null;
  release(address: number, bytes: number): void;
  /** Share pages with the host, and take them back. @returns false when the host refuses. */
  decrypt(address: number, bytes: number): boolean;
  encrypt(address: number, bytes: number): boolean;
  /** The pool of pages that were shared beforehand, for callers that cannot sleep; null when there is none. */
  readonly atomic: {
    allocate(bytes: number, limit: number): number | null;
    /** @returns whether the address came from this pool, and is back in it. */
    release(address: number, bytes: number): boolean;
  } | null;
}

/**
 * Pages that a device may use.
 * @param o.leaks pages that cannot be made private again are given to nobody; false is the bug of 2023
 */
export function allocateShared(
  pages: Pages,
  o: {
    readonly bytes: number;
    readonly limit: number;
    readonly sleeps: boolean;
    readonly encrypted: boolean;
    readonly leaks: boolean;
  },
): number | null {
  // Sharing may sleep, so a caller that cannot must take what is shared already.
  if (o.encrypted && !o.sleeps) return pages.atomic === null ? null : pages.atomic.allocate(o.bytes, o.limit);
  const address = pages.allocate(o.bytes, o.limit);
  if (address === null || pages.decrypt(address, o.bytes)) return address;
  if (!o.leaks || pages.encrypt(address, o.bytes)) pages.release(address, o.bytes);
  return null;
}

/** Give pages back; those that cannot be made private again are left where they are, on purpose. */
export function releaseShared(pages: Pages, o: { readonly address: number; readonly bytes: number }): void {
  if (pages.atomic?.release(o.address, o.bytes)) return;
  if (pages.encrypt(o.address, o.bytes)) pages.release(o.address, o.bytes);
}
