/**
 * Small buffers whose cache lines hold other data too: on a device that does not see the cache, what it writes and what
 * the CPU writes beside it would meet in one line, so such buffers bounce.
 *
 * Source: Linux include/linux/dma-map-ops.h, dma_kmalloc_needs_bounce (arm64).
 */
import type { Direction } from "../../../spec/dma/direction.js";
import { sharesLine } from "../../../spec/linux/kmalloc.js";
import type { DmaDevice } from "../engine.js";

const cacheLine = 64;

/** Would a kmalloc buffer of this size share a cache line with another one that the CPU may write? */
export function sharesCacheLine(device: DmaDevice, size: number, direction: Direction): boolean {
  return !device.coherent && sharesLine(size, direction, cacheLine);
}
