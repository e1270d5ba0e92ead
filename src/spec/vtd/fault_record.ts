/**
 * VT-d fault recording register: 128 bits, CAP.NFR + 1 of them from CAP.FRO on.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, section 11.4.7.6. Reasons are in fault_reasons.ts.
 */
import type { Dfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VT-d FRCD_REG. */
export const FaultRecord = layout(
  {
    title: "VT-d FRCD_REG",
    source: "VT-d 4.1, 11.4.7.6",
    bitCount: 128,
    reserved: [
      [11, 0],
      [91, 80],
    ],
  },
  {
    page: bits<Dfn>(63, 12, "page of the faulting address; index of an interrupt in bits 63:48"),
    sid: bits(79, 64, "requester id"),
    t2: bit(92, "with t1: 0 write, 1 page request, 2 read, 3 atomic"),
    priv: bit(93, "1 = a privileged request"),
    exe: bit(94, "1 = an execute request"),
    pp: bit(95, "1 = the request had a PASID"),
    reason: bits(103, 96, "fault reason"),
    pasid: bits(123, 104, "PASID, when pp is 1"),
    at: bits(125, 124, "address type: 0 untranslated, 1 translation request, 2 translated"),
    t1: bit(126, "1 = a read, 0 = a write"),
    f: bit(127, "1 = this register holds a fault; written 1 to clear"),
  },
);

/** Bytes of a fault recording register. */
export const faultRecordBytes = 16;
