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
