/**
 * Page tables of IOMMUs - VT-d, AMD-Vi, SMMUv3 - in memory: built, walked, retold entry by entry, listed; and the device
 * tables that lead to them. For authors of IOMMU models and drivers, and for who reads a dump's tables alone.
 *
 * A frame (`Dfn`, `Mfn`) is a number of 4 KiB; an `Address` is bytes. Both are numbers that the compiler tells apart:
 * `dfn(0xfffc0)` and `address(0xfffc0123)` make them.
 *
 * Promised: answers are the hardware's, as the documents of the vendors have them; names and options stay as they are
 * within a minor version.
 *
 * @packageDocumentation
 */
export { Misuse } from "../base/assert.js";
export { type Address, address, type Dfn, dfn, type Mfn, mfn } from "../base/frame.js";
export type { Field } from "../bits/field.js";
export type { About, BitRange } from "../bits/layout.js";
export {
  type Attachments,
  attachments,
  isAttached,
  type LookupOptions,
  lookup,
  type UnitAt,
  type UnitOptions,
  unitsFromRegisters,
} from "../library/table/device_tables.js";
export { createMemory, type Memory, type MemoryOptions } from "../library/table/memory.js";
export {
  type CreatePageTableOptions,
  createPageTable,
  isFault,
  type MapOptions,
  type Mapping,
  type Mappings,
  type OpenPageTableOptions,
  openPageTable,
  type PageTable,
  type WritablePageTable,
} from "../library/table/page_table.js";
export { BadOption } from "../library/work_options.js";
export type { MemorySegment, MemoryView, ReadonlyWords } from "../mem/view.js";
export { Unreadable, type Wrong } from "../read/unreadable.js";
export type {
  Abilities,
  Attachment,
  AttachmentState,
  EntryRead,
  LookupFault,
  Smmuv3Abilities,
  UnitKind,
  UnitRoot,
} from "../table/device/index.js";
export { Fault, type FaultName, type FaultParts, faultParts } from "../table/fault.js";
export { type CodeSet, type FaultAt, faultCode } from "../table/fault_code.js";
export type { EntryKind, FormatName, UnitFeature } from "../table/format.js";
export { Allow, type TableRoot } from "../table/root.js";
export { isReached, type NotReached, type Reached, type Trace, type TraceStep } from "../table/trace.js";
export type { Trouble, TroubleKind } from "../table/trouble.js";
export { Need } from "../table/walk.js";
