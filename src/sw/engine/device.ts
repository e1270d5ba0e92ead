/** Devices as drivers find them, and what follows from a device's limits alone. */
import type { DmaDevice } from "./engine.js";

/** No address is above it: a 64-bit mask, and a segment boundary that nothing crosses. */
export const allAddresses = 2 ** 64;

/**
 * A coherent device with 64-bit masks and the defaults of a driver that sets nothing else.
 * Source: Linux include/linux/dma-mapping.h, dma_get_max_seg_size (64 KiB), dma_get_seg_boundary.
 */
export function plainDevice(o: Partial<DmaDevice> & { readonly bdf: string }): DmaDevice {
  return {
    mask: allAddresses,
    coherentMask: allAddresses,
    busLimit: 0,
    minAlignMask: 0,
    boundary: allAddresses,
    maxSegmentBytes: 65536,
    maxSegments: 128,
    coherent: true,
    behindIommu: false,
    ...o,
  };
}

/** Highest address that streaming mappings may have: the lower of mask and path. Source: dma_capable. */
export function highestAddress(device: DmaDevice): number {
  return device.busLimit === 0 ? device.mask : Math.min(device.mask, device.busLimit);
}

/** Do the addresses of a range lie where the device reaches? An error value never does. */
export function reaches(device: DmaDevice, bus: number, size: number): boolean {
  return bus >= 0 && bus + size - 1 <= highestAddress(device);
}

/** The segment boundary in slots, as the pool's search counts it; 0 is none. Source: swiotlb_search_pool_area. */
export function boundarySlots(device: DmaDevice): number {
  return device.boundary >= 2 ** 53 ? 0 : Math.max(1, Math.floor(device.boundary / 2048));
}
