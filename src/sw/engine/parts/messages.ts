/**
 * What engines log, letter for letter where the kernel's text is known.
 *
 * Source: Linux kernel/dma/direct.h, kernel/dma/swiotlb.c, drivers/xen/grant-dma-ops.c and, of kernels until 2018,
 * lib/swiotlb.c (swiotlb_full).
 */

import { hex } from "../../../base/hex.js";
import { maskText } from "../../../spec/dma/mask.js";
import type { DmaDevice } from "../engine.js";

const address = (a: number): string => hex(a, 16);

/** Source: Linux drivers/iommu/dma-iommu.c, iommu_dma_map_swiotlb. */
export const bouncesInactive = (device: DmaDevice): string =>
  `pci ${device.bdf}: DMA bounce buffers are inactive, unable to map unaligned transaction.`;

/** A buffer is out of reach and there is nowhere to bounce it. */
export const addressOverflow = (bus: number, size: number, device: DmaDevice): string =>
  `DMA addr ${address(bus)}+${size} overflow (mask ${maskText(device.mask)}, bus limit ${device.busLimit.toString(16)}).`;

/** The bounce buffer itself is out of reach. */
export const slotOverflow = (bus: number, size: number, device: DmaDevice): string =>
  `swiotlb addr ${address(bus)}+${size} overflow (mask ${maskText(device.mask)}, bus limit ${device.busLimit.toString(16)}).`;

/** The same message with an address that nothing has set; what a stack happened to hold is shown as a poison. */
export const overflowUnset = (size: number, device: DmaDevice): string =>
  `DMA addr 0xcccccccccccccccc+${size} overflow (mask ${maskText(device.mask)}, bus limit ${device.busLimit.toString(16)}).`;

export const outOfSpace = (size: number, device: DmaDevice): string =>
  `DMA: Out of SW-IOMMU space for ${size} bytes at device ${device.bdf}`;

export const grantInUse = "Grant still in use by backend domain, disabled for further use";
