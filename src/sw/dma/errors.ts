/** Errors of the DMA API, as the kernel returns them. Source: Linux include/uapi/asm-generic/errno-base.h. */

/** The address of a failed mapping: all ones. */
export const mappingError = -1;
/** A bounce failed, or no mask fits. */
export const eio = -5;
export const enomem = -12;
export const einval = -22;
/** The mapping cannot be had without what it forbids: bouncing, cache maintenance. */
export const eopnotsupp = -95;
