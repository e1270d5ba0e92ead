/**
 * SMMUv3 event record, 256 bits; the places that the events about requests share.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, section 7.3. Numbers are in fault_events.ts.
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** SMMUv3 event record. */
export const EventRecord = layout(
  {
    title: "SMMUv3 event record",
    source: "IHI 0070 G, 7.3",
    bitCount: 256,
    ignored: [
      [94, 80],
      [102, 100],
      [127, 106],
    ],
    reserved: [
      [10, 8],
      [96, 96],
    ],
  },
  {
    id: bits(7, 0, "event number"),
    ssv: bit(11, "1 = the request had a substream"),
    ssid: bits(31, 12, "substream id"),
    sid: bits(63, 32, "stream id"),
    stag: bits(79, 64, "tag to answer a stalled request"),
    stall: bit(95, "1 = the request waits"),
    pnu: bit(97, "1 = privileged"),
    ind: bit(98, "1 = an instruction fetch"),
    rnw: bit(99, "1 = a read"),
    s2: bit(103, "1 = stage 2"),
    cls: bits(105, 104, "0 context descriptor; 1 table walk; 2 the input address"),
    inputLow: bits(159, 128, "input address bits 31:0"),
    inputHigh: bits(191, 160, "input address bits 63:32"),
    otherLow: bits(223, 192, "intermediate or fetch address bits 31:0"),
    otherHigh: bits(255, 224, "intermediate or fetch address bits 63:32"),
  },
);

/** Bytes of an event record. */
export const eventRecordBytes = 32;
