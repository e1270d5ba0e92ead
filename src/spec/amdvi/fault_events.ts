/**
 * Events of the AMD IOMMU's event log, and the flag bits the kernel prints with them.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) specification 48882, section 2.5 (2.5.2 ILLEGAL_DEV_TABLE_ENTRY,
 * 2.5.3 IO_PAGE_FAULT, 2.5.4 to 2.5.10 the others). Names as Linux drivers/iommu/amd prints them. The kernel prints
 * bits 27:16 of the event's second word, so flag bit 0 is bit 16 there.
 */
import type { FaultKind } from "../dma/fault_kind.js";

/** An event that a unit logs, in words. */
export interface FaultEvent {
  readonly code: number;
  readonly kind: FaultKind;
  readonly words: string;
}

const event = (code: number, kind: FaultKind, words: string): FaultEvent => ({ code, kind, words });

/** By the name in a log line. */
export const faultEvents: Readonly<Record<string, FaultEvent>> = {
  ILLEGAL_DEV_TABLE_ENTRY: event(
    1,
    "bad-table",
    "the device table entry of the device holds what the unit must refuse",
  ),
  IO_PAGE_FAULT: event(2, "unmapped-or-permission", "the device used an address that its page table does not allow"),
  DEV_TAB_HARDWARE_ERROR: event(3, "table-access", "the unit could not read its device table"),
  PAGE_TAB_HARDWARE_ERROR: event(4, "table-access", "the unit could not read a page table"),
  ILLEGAL_COMMAND_ERROR: event(5, "command", "the unit refused a command of the kernel as malformed"),
  COMMAND_HARDWARE_ERROR: event(6, "command", "the unit could not read the kernel's command buffer"),
  IOTLB_INV_TIMEOUT: event(7, "command", "the device did not answer an invalidation of its own TLB (ATS) in time"),
  INVALID_DEVICE_REQUEST: event(8, "request-type", "the device sent a request that it is not allowed to send"),
  INVALID_PPR_REQUEST: event(9, "request-type", "the device sent a page request that the unit refuses"),
  RMP_HW_ERROR: event(0xd, "ownership", "the unit could not check who owns the page (reverse map table)"),
  RMP_PAGE_FAULT: event(0xe, "ownership", "the page belongs to a protected guest (reverse map table), or to none"),
};

/** One flag bit: what 1 says, and 0 where that says something of its own. */
export interface FaultFlag {
  readonly name: string;
  readonly bit: number;
  readonly set: string;
  readonly clear: string | null;
}

const flag = (name: string, bit: number, set: string, clear: string | null = null): FaultFlag => ({
  name,
  bit,
  set,
  clear,
});

/** Section 2.5.3. RW, PE and RZ speak of the page only when PR is 1 (RZ, also of the device entry). */
export const pageFaultFlags: readonly FaultFlag[] = [
  flag("GN", 0, "a guest address (with PASID)"),
  flag("NX", 1, "the device asked to execute"),
  flag("US", 2, "user privilege", null),
  flag("I", 3, "an interrupt, not a memory access"),
  flag("PR", 4, "the page is present in the table", "the page is not present in the table"),
  flag("RW", 5, "a write", "a read"),
  flag("PE", 6, "the table does not permit the access"),
  flag("RZ", 7, "reserved bits are set in a table entry"),
  flag("TR", 8, "a translation request (ATS), not an access"),
];

/**
 * What a page fault's flags say of the access. RW is defined only for a present page (PR), no interrupt and no
 * translation request.
 */
export function pageFaultAccess(flags: number): { readonly write: boolean | null; readonly interrupt: boolean } {
  const interrupt = (flags & 0x8) !== 0;
  const defined = (flags & 0x118) === 0x10;
  return { write: defined ? (flags & 0x20) !== 0 : null, interrupt };
}

/** What an INVALID_DEVICE_REQUEST tried. */
export interface InvalidRequest {
  readonly kind: FaultKind;
  readonly words: string;
  /** The device, or firmware for it, used its own TLB (ATS). */
  readonly ats: boolean;
}

const request = (kind: FaultKind, words: string, ats = false): InvalidRequest => ({ kind, words, ats });

/**
 * Section 2.5.9: flag bits 11:9 are the type, bit 8 is TR; by TR * 8 + type. Types as illumos' amd_iommu_log.c names
 * them.
 */
export const invalidRequests: Readonly<Record<number, InvalidRequest>> = {
  0: request("interrupt-range", "a read, or a write that wants an answer, in the range of interrupts"),
  1: request("request-type", "an address that the device had translated itself (ATS), which its entry forbids", true),
  2: request("request-type", "port I/O, which the device's entry forbids (IoCtl 0)"),
  3: request("request-type", "a posted write to the range of system management messages, or to one that is reserved"),
  4: request("request-type", "a read of the range of system management messages, or of one that is reserved"),
  5: request("interrupt-range", "an interrupt, or the end of one (EOI), while its entry blocks those (IntCtl 0)"),
  6: request("interrupt-range", "a posted write to a reserved part of the range of interrupts"),
  7: request(
    "request-type",
    "a system management message or port I/O that would need a translation, which its entry lacks",
  ),
  8: request("request-type", "a translation request (ATS), which its entry forbids", true),
  9: request(
    "request-type",
    "a translation request (ATS) in the range of interrupts, port I/O or system management",
    true,
  ),
};

/** What an invalid request was, as the flags of its event tell. @returns null for a combination that is reserved */
export const invalidRequestOf = (flags: number): InvalidRequest | null =>
  invalidRequests[((flags >>> 9) & 7) | ((flags & 0x100) !== 0 ? 8 : 0)] ?? null;

/** Sections 2.5.4 to 2.5.7: flag bits 10:9 of the hardware errors. */
export const hardwareErrors: Readonly<Record<number, string>> = {
  1: "nothing answered at that address (master abort)",
  2: "the target refused (target abort)",
  3: "the data came back damaged (data error)",
};

/** By bits 31:28 of a command's second word. Section 2.4. */
export const commandNames: Readonly<Record<number, string>> = {
  1: "COMPLETION_WAIT",
  2: "INVALIDATE_DEVTAB_ENTRY",
  3: "INVALIDATE_IOMMU_PAGES",
  4: "INVALIDATE_IOTLB_PAGES",
  5: "INVALIDATE_INTERRUPT_TABLE",
  6: "PREFETCH_IOMMU_PAGES",
  7: "COMPLETE_PPR_REQUEST",
  8: "INVALIDATE_IOMMU_ALL",
};

/** Sections 2.5.2, 2.5.4, 2.5.5 and 2.5.9: bits that these events share with a page fault; 0 says nothing there. */
export const requestFlags: readonly FaultFlag[] = pageFaultFlags
  .filter((f) => ["GN", "I", "RW", "RZ", "TR"].includes(f.name))
  .map((f) => ({ ...f, clear: null }));
