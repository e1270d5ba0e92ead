/** Where a page table begins and how its input is bounded: what a device's entry says, in no vendor's words. */
import type { FormatName, UnitFeature } from "./format.js";

/** Bits of an access, in the order in which formats keep them. */
export const Allow = { none: 0, read: 1, write: 2, readWrite: 3 } as const;
export type Allow = (typeof Allow)[keyof typeof Allow];

/**
 * One page table of one stage.
 *
 * Addresses are byte addresses as doubles: those of frames are multiples of 4096 and therefore exact up to 2^64.
 */
export interface TableRoot {
  readonly format: FormatName;
  /**
   * Byte address of the top table; of the first one where several are concatenated. A top table smaller than 4 KiB
   * (SMMUv3) may begin inside a frame; bits below the table's own size are not looked at.
   */
  readonly address: number;
  /** Level of the top table. Level 0 holds only leaves. */
  readonly level: number;
  /** Bits of the input address that the table translates. */
  readonly inputBits: number;
  /**
   * What the bits of a 64-bit input above `inputBits` must be. `sign`: copies of bit inputBits - 1. `ones`: the
   * upper half of the space, so that index 0 stands for 2^64 - 2^inputBits (SMMU TTB1).
   */
  readonly upper: "zero" | "sign" | "ones";
  /** Physical addresses have this many bits; an entry that names a higher one is a fault. */
  readonly outputBits: number;
  /** What the device's entry allows before any table is read (AMD-Vi IR and IW); 3 where it has no say. */
  readonly allow: Allow;
  /**
   * SMMUv3: what a leaf whose access flag is clear does. `ignore` where hardware sets the flag (CD.HA, STE.S2HA) or is
   * told not to mind (CD.AFFD, STE.S2AFFD). Default `fault`. Other formats have no such flag.
   */
  readonly accessFlag?: "fault" | "ignore";
  /** Requests count as privileged (SMMUv3 STE.PRIVCFG = 3, or an EL2 regime): user bits are not consulted. Default false. */
  readonly privileged?: boolean;
  /** SMMUv3 stage 1: hierarchical permissions of table descriptors; `ignore` for CD.HAD. Default `apply`. */
  readonly tablePermissions?: "apply" | "ignore";
  /** SMMUv3 CD.TBI: bits 63:56 of the input are not looked at. Default false. */
  readonly topByteIgnored?: boolean;
  /** What the unit cannot do, and whose bits it therefore treats as reserved. Default: nothing. */
  readonly lacks?: readonly UnitFeature[];
}
