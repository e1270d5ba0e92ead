/** How large a pool may be asked for. */

/** 8 GiB: more than any kernel gets below 4 GiB, so that a typing error does not fill this machine's memory. */
export const poolSlotsMax = 2 ** 22;
export const poolAreasMax = 1024;
/** One slot set: the least that a pool can have. */
export const poolSlotsMin = 128;
