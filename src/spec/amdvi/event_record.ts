/**
 * AMD-Vi event log entry, 128 bits; the places that the events about requests share.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.5.1 (common form) to 2.5.10. Codes and
 * flags are in fault_events.ts.
 */
import { bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** AMD-Vi event record. */
export const EventRecord = layout(
  { title: "AMD-Vi event record", source: "AMD IOMMU 48882, 2.5.1", bitCount: 128, ignored: [[31, 20]] },
  {
    device: bits(15, 0, "device id"),
    pasidHigh: bits(19, 16, "PASID bits 19:16, when GN is set"),
    pasidOrDomain: bits(47, 32, "PASID bits 15:0 when GN is set; otherwise the domain id"),
    flags: bits(59, 48, "flags, see pageFaultFlags"),
    code: bits(63, 60, "event code"),
    addressLow: bits(95, 64, "address bits 31:0"),
    addressHigh: bits(127, 96, "address bits 63:32"),
  },
);

/** Bytes of an entry of the event log. */
export const eventRecordBytes = 16;

/** Values of `code` that a unit without page requests and reverse map table logs. */
export const EventCode = {
  illegalEntry: 1,
  pageFault: 2,
  deviceTableError: 3,
  pageTableError: 4,
  illegalCommand: 5,
  commandError: 6,
  deviceTlbTimeout: 7,
  invalidRequest: 8,
} as const;
export type EventCode = (typeof EventCode)[keyof typeof EventCode];

/** Values of `flags`; not every event has each. Types of hardware errors are their bits 10:9, of invalid requests 11:9. */
export const EventFlag = {
  gn: 0x01,
  pr: 0x10,
  rw: 0x20,
  pe: 0x40,
  rz: 0x80,
  tr: 0x100,
  masterAbort: 0x200,
  pretranslated: 0x200,
} as const;
