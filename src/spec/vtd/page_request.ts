/** VT-d page requests in memory, and the status of their queue. Source: VT-d 4.1, 7.4.1.1, 11.4.12.4. */
import type { Dfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** Value of `type`. */
export const pageRequestType = 1;

/** VT-d page request descriptor. */
export const PageRequestDescriptor = layout(
  {
    title: "VT-d page request descriptor",
    source: "VT-d 4.1, 7.4.1.1",
    bitCount: 256,
    reserved: [
      [15, 9],
      [63, 54],
      [255, 128],
    ],
  },
  {
    type: bits(7, 0, "1 = a page request"),
    pp: bit(8, "1 = with a PASID"),
    rid: bits(31, 16, "the device"),
    pasid: bits(51, 32, "the PASID"),
    exe: bit(52, "1 = to execute"),
    pr: bit(53, "1 = privileged"),
    rd: bit(64, "1 = to read"),
    wr: bit(65, "1 = to write"),
    last: bit(66, "1 = the last one of its group"),
    group: bits(75, 67, "index of the group"),
    page: bits<Dfn>(127, 76, "bits 63:12 of the address"),
  },
);

/** VT-d PRS_REG. */
export const PageRequestStatus = layout(
  { title: "VT-d PRS_REG", source: "VT-d 4.1, 11.4.12.4", bitCount: 32, reserved: [[31, 2]] },
  {
    ppr: bit(0, "a page request is in the queue that software has not been told of"),
    pro: bit(1, "requests were lost"),
  },
);
