/** What the kernel's IOVA allocator is built with. Frames are of the domain's granule, 4 KiB unless said otherwise. */

/** Sizes of 2^0 to 2^5 frames are kept in magazines when they are freed. Source: Linux include/linux/iova.h, IOVA_RANGE_CACHE_MAX_SIZE. */
export const cachedSizes = 6;
/** Requests below this many frames are rounded up to a power of two, so that a magazine can serve them. */
export const roundedBelow = 2 ** (cachedSizes - 1);
/** Addresses in one magazine. Source: Linux drivers/iommu/iova.c, IOVA_MAG_SIZE: 127 from 6.6 on, 128 before. */
export const magazineAddresses = 127;

/** Bytes of the address space that is tried first for PCI devices. */
export const below4GiB = 2 ** 32;
