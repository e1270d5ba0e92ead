/** Limits and sizes of the hypervisor and of Linux on it, each with the place that states it. */

/** Grant frames and map-track frames that a domain may have. Source: Xen docs/misc/xen-command-line (gnttab_max_*). */
export const grantFramesMax = 64;
export const maptrackFramesMax = 1024;
/** Bytes of a map-track entry: 256 to a frame. Source: Xen common/grant_table.c, struct grant_mapping. */
export const maptrackEntryBytes = 16;
/** Frames that Linux assumes when the query fails. Source: Linux drivers/xen/grant-table.c. */
export const grantFramesAssumed = 4;
/** One of four 8-bit counters in an active entry. Source: Xen common/grant_table.c, GNTPIN_*. */
export const pinMax = 255;
/** Tries of the compare-exchange on a shared version 1 entry. Source: Xen common/grant_table.c. */
export const statusTries = 5;

/** Who asks for memory; decides the largest order. */
export type DomainClass = "guest" | "control" | "hardware" | "passthrough";
/** memop-max-order by architecture. Source: Xen common/memory.c, CONFIG_*_MAX_ORDER. */
export const exchangeOrderMax: Readonly<Record<"x86" | "arm", Readonly<Record<DomainClass, number>>>> = {
  x86: { guest: 9, control: 18, hardware: 12, passthrough: 12 },
  arm: { guest: 9, control: 18, hardware: 10, passthrough: 10 },
};

/** Largest order of create_contiguous_region until 2025. Source: Linux arch/x86/xen/mmu_pv.c, MAX_CONTIG_ORDER. */
export const contiguousOrderMax = 9;
/** Largest order of Linux's page allocator. Source: Linux MAX_PAGE_ORDER. */
export const pageOrderMax = 10;
/** Unpopulated pages are made a section at a time. Source: seen on Linux 7.2 (32,768 set_phys_to_machine calls). */
export const sectionPages = 32768;

/** Deferred revocations. Source: Linux drivers/xen/grant-table.c (gnttab_handle_deferred). */
export const deferred = { perTick: 10, tickSeconds: 1, warnRounds: 60 } as const;

/** Fix-up of the bounce pool at boot. Source: Linux drivers/xen/swiotlb-xen.c (xen_swiotlb_fixup, max_dma_bits 32). */
export const poolFixup = { order: 6, firstBits: 18, lastBits: 32 } as const;
