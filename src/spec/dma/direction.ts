/**
 * Directions and attributes of the DMA API, with the kernel's numbers and the names tracepoints print.
 *
 * Source: Linux include/linux/dma-direction.h, dma-mapping.h; include/trace/events/dma.h.
 */

/** enum dma_data_direction: the index is the code. NONE is invalid in any call. */
export const directionNames = ["BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE"] as const;

export const Direction = { bidirectional: 0, toDevice: 1, fromDevice: 2, none: 3 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/**
 * DMA_ATTR_* by bit number, as the events print them. Bit 11 is CACHELINES_OVERLAP in traces; the last two came
 * with 2026's encrypted-memory work.
 */
export const attributeNames: Readonly<Record<number, string>> = {
  1: "WEAK_ORDERING",
  2: "WRITE_COMBINE",
  4: "NO_KERNEL_MAPPING",
  5: "SKIP_CPU_SYNC",
  6: "FORCE_CONTIGUOUS",
  7: "ALLOC_SINGLE_PAGES",
  8: "NO_WARN",
  9: "PRIVILEGED",
  10: "MMIO",
  11: "CACHELINES_OVERLAP",
  12: "REQUIRE_COHERENT",
  13: "CC_SHARED",
  14: "ALLOC_CC_SHARED",
};

export const attrSkipCpuSync = 1 << 5;
export const attrNoWarn = 1 << 8;
export const attrMmio = 1 << 10;
export const attrIgnoreCacheLines = 1 << 11;
export const attrRequireCoherent = 1 << 12;
