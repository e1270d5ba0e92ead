/**
 * Which kmalloc buffers share a cache line with others, and so bounce on devices that do not see the cache.
 *
 * Source: Linux include/linux/dma-map-ops.h, dma_kmalloc_safe and dma_kmalloc_size_aligned; include/linux/slab.h,
 * kmalloc_size_roundup; arch/arm64/include/asm/cache.h.
 */
import { Direction } from "../dma/direction.js";

/** The longest cache line that arm64 allows for (ARCH_DMA_MINALIGN); allocations of twice this are aligned to it. */
export const longestCacheLine = 128;
/** Sizes in which kmalloc hands out memory below that. */
const buckets = [8, 16, 32, 64, 96, 128, 192, 256];

/** Is a buffer of this size, which a device may write, rounded up to no multiple of the cache line? */
export function sharesLine(size: number, direction: number, cacheLine: number): boolean {
  if (direction === Direction.toDevice || size >= 2 * longestCacheLine) return false;
  return buckets.find((b) => b >= size)! % cacheLine !== 0;
}
