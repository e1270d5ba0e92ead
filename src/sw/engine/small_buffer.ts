/**
 * Small buffers whose cache lines hold other data too: on a device that does not see the cache, what it writes and what
 * the CPU writes beside it would meet in one line, so such buffers bounce.
 *
 * Source: Linux include/linux/dma-map-ops.h, dma_kmalloc_needs_bounce and dma_kmalloc_size_aligned (arm64).
 */
import { Direction } from "../../spec/dma/direction.js";
import type { DmaDevice } from "./engine.js";

/** Allocations of twice this and more are aligned to it (ARCH_DMA_MINALIGN of arm64). */
const alignedFrom = 2 * 128;
const cacheLine = 64;
/** Sizes in which kmalloc hands out memory below that. */
const buckets = [8, 16, 32, 64, 96, 128, 192, 256];

/** Would a kmalloc buffer of this size share a cache line with another one that the CPU may write? */
export function sharesCacheLine(device: DmaDevice, size: number, direction: Direction): boolean {
  if (device.coherent || direction === Direction.toDevice || size >= alignedFrom) return false;
  return buckets.find((b) => b >= size)! % cacheLine !== 0;
}
