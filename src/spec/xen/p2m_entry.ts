/**
 * Entries of a paravirtualised guest's page map, as two 32-bit halves.
 * Source: Linux arch/x86/include/asm/xen/page.h (INVALID_P2M_ENTRY, FOREIGN_FRAME_BIT 63, IDENTITY_FRAME_BIT 62).
 */
/** Both halves of an entry without a frame. */
export const invalidHalf = 0xffff_ffff;
/** In the upper half: the frame is another domain's. */
export const foreignBit = 0x8000_0000;
/** In the upper half: the number is the machine's own, no memory of ours. */
export const identityBit = 0x4000_0000;
/** The frame bits of the upper half. */
export const frameHighMask = 0x3fff_ffff;
/** M2P entry of a frame that has no pfn. */
export const invalidM2p = 0xffff_ffff;
