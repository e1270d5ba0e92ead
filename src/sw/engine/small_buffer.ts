/**
 * Small buffers whose cache lines hold other data too: on a device that does not see the cache, what it writes and what
 * the CPU writes beside it would meet in one line, so such buffers bounce.
 *
 * Source: Linux include/linux/dma-map-ops.h, dma_kmalloc_needs_bounce and dma_kmalloc_size_aligned (arm64).
 */
import { Direction } from "../../spec/dma/direction.js";
import type { DmaDevice } from "./engine.js";

/** Allocations of twice this and more are aligned to it (ARCH_DMA_MINALIGN of arm64, the longest cache line it allows). */
const longestLine = 128;
const usualLine = 64;
/** Sizes in which kmalloc hands out memory below that. */
const buckets = [8, 16, 32, 64, 96, 128, 192, 256];

/** Would a kmalloc buffer of this size share a cache line with another one that the CPU may write? */
export function sharesCacheLine(device: DmaDevice, size: number, direction: Direction): boolean {
  return !device.coherent && roundsBeside(size, direction, usualLine);
}

/** The same for a device of which it is not known whether it is coherent, on a CPU with any cache line. */
export function mayShareCacheLine(size: number, direction: number): boolean {
  return roundsBeside(size, direction, longestLine);
}

function roundsBeside(size: number, direction: number, cacheLine: number): boolean {
  if (direction === Direction.toDevice || size >= 2 * longestLine) return false;
  return buckets.find((b) => b >= size)! % cacheLine !== 0;
}
