/**
 * What the kernel's log says of the pool, letter for letter, without its time stamp and the device's name.
 *
 * Source: Linux kernel/dma/swiotlb.c, the strings given to pr_info, pr_warn and dev_warn, and pr_fmt.
 */

import { hex } from "../../base/hex.js";
import { maskText } from "../../spec/dma/mask.js";
import { slotBytes } from "../../spec/swiotlb/sizes.js";

/** Before every line that no device writes. */
export const logPrefix = "software IO TLB: ";

const mebibyte = 2 ** 20;
const wholeMiB = (slots: number): number => Math.floor((slots * slotBytes) / mebibyte);

/** An address as %pa and %pad print it. */
const address = (a: number): string => hex(a, 16);

/** @param total slots of all pools; @param used of all areas; @param size bytes, rounded as the search saw them */
export const bufferIsFull = (o: { size: number; total: number; used: number }): string =>
  `swiotlb buffer is full (sz: ${o.size} bytes), total ${o.total} (slots), used ${o.used} (slots)`;

export const noPool = "Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer";

/** The bounce buffer itself lies above what the device reaches. @param mask,@param limit bounds of the device, bytes */
export const addressOverflow = (o: { address: number; size: number; mask: number; limit: number }): string =>
  `swiotlb addr ${address(o.address)}+${o.size} overflow (mask ${maskText(o.mask)}, bus limit ${maskText(o.limit)}).`;

export const bufferOverflow = (o: { allocated: number; size: number }): string =>
  `Buffer overflow detected. Allocation size: ${o.allocated}. Mapping size: ${o.size}.`;

/** 6.8 and before: a sync that begins in front of what the slot holds. */
export const accessBeforeStart = (o: { kept: number; asked: number }): string =>
  `Access before mapping start detected. orig offset ${o.kept}, requested offset ${o.asked}.`;

export const alignmentMayPrevent = "Alloc alignment may prevent fulfilling requests with max mapping_size";
export const encryptionBounces = "Memory encryption is active and system is using DMA bounce buffers";
export const newPoolFailed = "Failed to allocate new pool";
export const noLowMemory = "No low mem";
export const notLinear = "Restricted DMA pool must be accessible within the linear mapping.";

/** The kernel writes 0x before an address that has it already. */
export const pagesNotAligned = (at: number): string =>
  `Cannot allocate pages from non page-aligned swiotlb addr 0x${address(at)}.`;

/** @param from,to bytes, half open */
export const poolMapped = (o: { from: number; to: number }): string =>
  `mapped [mem ${address(o.from)}-${address(o.to)}] (${Math.floor((o.to - o.from) / mebibyte)}MB)`;

export const areaCount = (areas: number): string => `area num ${areas}.`;
export const sizeRoundedUp = (slots: number): string => `SWIOTLB bounce buffer size roundup to ${wholeMiB(slots)}MB`;
export const sizeAdjusted = (bytes: number): string =>
  `SWIOTLB bounce buffer size adjusted to ${Math.floor(bytes / mebibyte)}MB`;
export const slotsAdjusted = (o: { from: number; to: number }): string =>
  `SWIOTLB bounce buffer size adjusted ${o.from} -> ${o.to} slabs`;
export const allocationFailed = (bytes: number): string =>
  `swiotlb_memblock_alloc: Failed to allocate ${bytes} bytes tlb structure`;
export const onlyAllocated = (bytes: number): string => `only able to allocate ${Math.floor(bytes / mebibyte)} MB`;
export const restrictedPoolCreated = (o: { base: number; bytes: number }): string =>
  `Reserved memory: created restricted DMA pool at ${address(o.base)}, size ${Math.floor(o.bytes / mebibyte)} MiB`;
