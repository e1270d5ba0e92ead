/**
 * Fault reasons of Intel VT-d: the 8-bit code of a fault recording register.
 *
 * Source: Intel VT-d specification, the tables of fault conditions in the chapter on address translation faults
 * (Appendix A in revisions before 3.0); their LGN, SGN, SPD, SFS, SSS numbers are the codes below. Interrupt
 * remapping: the table of interrupt-remapping fault conditions.
 */
import type { FaultKind } from "../dma/fault_kind.js";

/** The entry that a reason speaks of, where it speaks of one. */
export type FaultEntry = "root" | "context" | "directory" | "pasid" | "page";

/** Why a unit refused a request. */
export interface FaultReason {
  readonly kind: FaultKind;
  /** What the unit found, as a sentence that needs no manual. */
  readonly words: string;
  /** Which entry was missing or did not allow the access. */
  readonly entry: FaultEntry | null;
}

const reason = (kind: FaultKind, words: string, entry: FaultEntry | null = null): FaultReason => ({
  kind,
  words,
  entry,
});

/** Legacy mode, and the low codes that scalable mode kept. */
const legacy: Readonly<Record<number, FaultReason>> = {
  1: reason("no-entry", "the root table has no present entry for the device's bus", "root"),
  2: reason("no-entry", "the context entry of the device is not present", "context"),
  3: reason("bad-table", "the context entry of the device holds settings that are invalid"),
  4: reason("address-width", "the address is beyond the width that the device's page table translates"),
  5: reason("unmapped-or-permission", "no entry on the way to the page allows writing", "page"),
  6: reason("unmapped-or-permission", "no entry on the way to the page allows reading", "page"),
  7: reason("table-access", "the unit could not read a page-table entry"),
  8: reason("table-access", "the unit could not read the root table at the address it was given"),
  9: reason("table-access", "the unit could not read the context table that the root entry names"),
  10: reason("bad-table", "reserved bits are set in the root entry"),
  11: reason("bad-table", "reserved bits are set in the context entry"),
  12: reason("bad-table", "reserved bits are set in a page-table entry"),
  13: reason("request-type", "the device sent a translated or translation request and its entry forbids those"),
  14: reason("interrupt-range", "the translation leads into the range of interrupt messages, 0xfee00000"),
};

const interruptRemapping: Readonly<Record<number, FaultReason>> = {
  32: reason("interrupt", "reserved bits are set in the interrupt message"),
  33: reason("interrupt", "the interrupt's index is beyond the interrupt-remapping table"),
  34: reason("interrupt", "the interrupt-remapping entry is not present"),
  35: reason("table-access", "the unit could not read the interrupt-remapping table"),
  36: reason("interrupt", "reserved bits are set in the interrupt-remapping entry"),
  37: reason("interrupt", "an interrupt in the old, unremapped format was blocked"),
  38: reason("interrupt", "the interrupt came from another device than the one its entry belongs to"),
  39: reason("table-access", "the unit could not access the posted-interrupt descriptor"),
  40: reason("interrupt", "reserved bits are set in the posted-interrupt descriptor"),
};

const scalable: Readonly<Record<number, FaultReason>> = {
  48: reason("table-access", "the unit could not read the table at the root table address"),
  49: reason("request-type", "a request with PASID arrived and the translation table mode does not take those"),
  50: reason("bad-table", "the translation table mode in the root table address register is invalid"),
  56: reason("table-access", "the unit could not read the scalable-mode root entry"),
  57: reason("no-entry", "the scalable-mode root table has no present entry for the device's bus", "root"),
  58: reason("bad-table", "reserved bits are set in the scalable-mode root entry"),
  64: reason("table-access", "the unit could not read the scalable-mode context entry"),
  65: reason("no-entry", "the scalable-mode context entry of the device is not present", "context"),
  66: reason("bad-table", "reserved bits are set in the scalable-mode context entry"),
  67: reason("bad-table", "the scalable-mode context entry holds settings that are invalid"),
  68: reason("request-type", "the device asked for a translation (ATS) and its context entry does not allow that"),
  69: reason("request-type", "the device sent a PASID and its context entry does not allow PASIDs"),
  70: reason("request-type", "the PASID is larger than the device's PASID directory covers"),
  71: reason("request-type", "the device sent a page request and its context entry does not allow those"),
  72: reason("bad-table", "the PASID for requests without one (RID_PASID) is beyond the PASID directory"),
  80: reason("table-access", "the unit could not read the PASID directory entry"),
  81: reason("no-entry", "the PASID directory entry is not present", "directory"),
  82: reason("bad-table", "reserved bits are set in the PASID directory entry"),
  88: reason("table-access", "the unit could not read the PASID table entry"),
  89: reason("no-entry", "the PASID table entry is not present", "pasid"),
  90: reason("bad-table", "reserved bits are set in the PASID table entry"),
  91: reason("bad-table", "the PASID table entry holds settings that are invalid"),
  92: reason("permission", "the device asked to execute and its PASID entry does not enable that"),
  93: reason("permission", "the device asked for supervisor rights and its PASID entry does not enable that"),
  112: reason("table-access", "the unit could not read a first-stage page-table entry"),
  113: reason("unmapped", "a first-stage page-table entry is not present", "page"),
  114: reason("bad-table", "reserved bits are set in a first-stage page-table entry"),
  115: reason("table-access", "the unit could not reach the first-stage table through its pointer"),
  116: reason("address-width", "a first-stage table lies at an address beyond the second stage's width"),
  117: reason("unmapped-or-permission", "the second stage does not allow reading the first stage's top table"),
  118: reason("unmapped-or-permission", "the second stage does not allow reading a first-stage table"),
  119: reason("unmapped-or-permission", "the second stage does not allow updating a first-stage table"),
  120: reason("table-access", "the unit could not read a second-stage page-table entry"),
  121: reason("unmapped-or-permission", "a second-stage page-table entry does not allow the access", "page"),
  122: reason("bad-table", "reserved bits are set in a second-stage page-table entry"),
  123: reason("table-access", "the unit could not reach the second-stage table through its pointer"),
  124: reason("bad-table", "accessed and dirty bits are on while the unit's table walks do not snoop caches"),
  128: reason("address-width", "the address is not canonical: its upper bits are not all the same"),
  129: reason("permission", "the first stage reserves the page for supervisor requests"),
  130: reason("permission", "the first stage forbids executing from the page"),
  131: reason("address-width", "the address is beyond what the hardware translates"),
  132: reason("address-width", "the address is beyond what the second stage translates"),
  133: reason("unmapped-or-permission", "the page may not be written", "page"),
  134: reason("unmapped-or-permission", "the page may not be read", "page"),
  135: reason("interrupt-range", "the translation leads into the range of interrupt messages, 0xfee00000"),
  144: reason("table-access", "the unit could not set the accessed or dirty bit in a first-stage entry"),
};

/** Reasons by code. A code that is not here is reserved, or newer than this table. */
export const faultReasons: Readonly<Record<number, FaultReason>> = { ...legacy, ...interruptRemapping, ...scalable };

/** Bits of the fault status register (FSTS), which the kernel prints when it handles faults. */
export const faultStatusBits: Readonly<Record<number, string>> = {
  0: "faults were lost, all recording registers were full (PFO)",
  1: "a fault is recorded (PPF)",
  2: "the advanced fault log overflowed (AFO)",
  3: "a fault is in the advanced fault log (APF)",
  4: "the invalidation queue holds a descriptor the unit refuses (IQE)",
  5: "a device answered an invalidation wrongly (ICE)",
  6: "a device did not answer a device-TLB invalidation in time (ITE)",
  7: "the page request queue overflowed (PRO)",
};
