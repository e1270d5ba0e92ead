/**
 * Addresses below 1 MiB that are no memory on a PC: the window of the graphics, and ROMs. No kernel of x86 hands out a page
 * there, whatever firmware or a hypervisor says of it.
 *
 * Source: Linux arch/x86/include/asm/e820/types.h (ISA_START_ADDRESS, ISA_END_ADDRESS), arch/x86/kernel/setup.c
 * (trim_bios_range), arch/x86/xen/setup.c (xen_memory_setup, of domains too).
 */

/** Bytes, `end` not among them; multiples of a page. */
export const isaArea = { from: 0xa_0000, end: 0x10_0000 } as const;
