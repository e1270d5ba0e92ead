/**
 * Events of the AMD IOMMU's event log, and the flag bits the kernel prints with them.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) specification 48882, section 2.5 (2.5.2 ILLEGAL_DEV_TABLE_ENTRY,
 * 2.5.3 IO_PAGE_FAULT, 2.5.4 to 2.5.10 the others). Names as Linux drivers/iommu/amd prints them. The kernel prints
 * bits 27:16 of the event's second word, so flag bit 0 is bit 16 there.
 */
import type { FaultKind } from "../dma/fault_kind.js";

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

/** Sections 2.5.2, 2.5.4, 2.5.5 and 2.5.9: bits that these events share with a page fault; 0 says nothing there. */
export const requestFlags: readonly FaultFlag[] = pageFaultFlags
  .filter((f) => ["GN", "I", "RW", "RZ", "TR"].includes(f.name))
  .map((f) => ({ ...f, clear: null }));
