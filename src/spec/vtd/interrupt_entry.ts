/**
 * VT-d interrupt-remapping table entry, for remapped interrupts, 128 bits.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, section 9.9.
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VT-d interrupt-remapping entry. */
export const InterruptEntry = layout(
  {
    title: "VT-d interrupt-remapping entry",
    source: "VT-d 4.1, 9.9",
    bitCount: 128,
    ignored: [[11, 8]],
    reserved: [
      [14, 12],
      [31, 24],
      [127, 84],
    ],
  },
  {
    p: bit(0, "1 = the entry is present"),
    fpd: bit(1, "1 = faults are not recorded"),
    dm: bit(2, "0 = physical destination; 1 = logical"),
    rh: bit(3, "redirection hint"),
    tm: bit(4, "0 = edge; 1 = level"),
    dlm: bits(7, 5, "delivery mode"),
    im: bit(15, "0 = remapped; 1 = posted"),
    vector: bits(23, 16, "vector"),
    destination: bits(63, 32, "destination; bits 47:40 of the entry without 32-bit destinations"),
    sid: bits(79, 64, "requester that may use this entry"),
    sq: bits(81, 80, "which bits of the function number are compared"),
    svt: bits(83, 82, "0 = nobody is checked; 1 = requester by sid and sq; 2 = by bus range; 3 reserved"),
  },
);
