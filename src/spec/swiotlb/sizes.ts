/**
 * Sizes of the swiotlb pool, as compiled into Linux.
 *
 * Source: Linux include/linux/swiotlb.h (IO_TLB_SHIFT, IO_TLB_SEGSIZE, IO_TLB_DEFAULT_SIZE) and
 * kernel/dma/swiotlb.c (IO_TLB_MIN_SLABS).
 */
import { frameBytes } from "../../base/frame.js";

/** One slot is 2 KiB. */
export const slotLg2 = 11;
export const slotBytes = 2 ** slotLg2;
/** A slot set: runs of free slots, and so mappings, never cross one. */
export const setSlots = 128;
/** 256 KiB: no single mapping can be larger. */
export const mappingBytesMax = setSlots * slotBytes;
/** 1 MiB: the smallest pool a kernel settles for when memory is short. */
export const poolSlotsMin = 512;
/** 64 MiB. */
export const poolSlotsDefault = 32768;
/** Mappings of a page or more start on a page, unless the device asks for something else. */
export const pageBytes = frameBytes;
/** A pool that is added while running is one piece of the page allocator: 4 MiB at most (MAX_PAGE_ORDER, x86). */
export const poolSlotsAddedMax = 2048;
/** Where memory is encrypted: this percentage of memory, between the default and 1 GiB (arch/x86/mm/mem_encrypt.c). */
export const encryptedPercent = 6;
export const encryptedBytesMax = 2 ** 30;
