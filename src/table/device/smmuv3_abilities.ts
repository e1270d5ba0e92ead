/**
 * What an SMMUv3 takes in its stream table entries and context descriptors, as its identification registers say.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, sections 6.3.1 (IDR0), 6.3.4 (IDR3), 6.3.6 (IDR5). A field
 * that is absent is unknown, and the check that needs it is left out.
 */
export interface Smmuv3Abilities {
  /** Bit 0: tables of 32-bit descriptors; bit 1: of 64-bit ones. IDR0.TTF. */
  readonly tableFormats?: number;
  /** Where AA64 is 0, descriptors have 128 bits. IDR5.D128. */
  readonly wideDescriptors?: boolean;
  /** 0 none; 1 access flags; 2 and dirty state; 3 and flags of tables. IDR0.HTTU. */
  readonly hardwareUpdates?: number;
  /** 0 faults may stall or abort; 1 never stall; 2 always stall. IDR0.STALL_MODEL. */
  readonly stallModel?: number;
  /** Refused accesses abort, and cannot be made to look successful. IDR0.TERM_MODEL. */
  readonly alwaysAborts?: boolean;
  /** ASIDs have 16 bits, not 8. IDR0.ASID16; the same for VMIDs. */
  readonly wideAsids?: boolean;
  readonly wideVmids?: boolean;
  /** Endianness of tables: 0 both; 2 little; 3 big. IDR0.TTENDIAN. */
  readonly endianness?: number;
  /** Context descriptor tables may have two levels. IDR0.CD2L. */
  readonly twoLevelContexts?: boolean;
  /** ATS of the first stage alone is not there. IDR0.NS1ATS. */
  readonly noSplitAts?: boolean;
  /** Rights in tables can be switched off (HAD0, HAD1); otherwise those fields are ignored. IDR3.HAD. */
  readonly hierarchyOff?: boolean;
  /** Tables may translate as few as 16 bits. IDR3.STT. */
  readonly smallTables?: boolean;
  /** Bit n: the granule of 2^n bytes. IDR5.GRAN4K, GRAN16K, GRAN64K. */
  readonly granules?: number;
  /** Inputs may have 52 bits with the largest granule. IDR5.VAX. */
  readonly wideInputs?: boolean;
}
