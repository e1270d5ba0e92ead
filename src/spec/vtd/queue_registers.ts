/**
 * Registers of a VT-d unit that say where the queues between it and software lie.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, 11.4.9 (invalidation queue), 11.4.12 (page request queue).
 */
import type { Mfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VT-d IQA_REG. */
export const InvalidationQueueAddress = layout(
  { title: "VT-d IQA_REG", source: "VT-d 4.1, 11.4.9.3", bitCount: 64, reserved: [[10, 3]] },
  {
    qs: bits(2, 0, "the queue has 2^n pages"),
    dw: bit(11, "0 = descriptors of 16 bytes; 1 = of 32"),
    frame: bits<Mfn>(63, 12, "invalidation queue"),
  },
);

/** VT-d PQA_REG. */
export const PageQueueAddress = layout(
  { title: "VT-d PQA_REG", source: "VT-d 4.1, 11.4.12.3", bitCount: 64, reserved: [[11, 5]] },
  {
    pqs: bits(4, 0, "the queue has 2^n pages; bits 4:3 are reserved in older units"),
    frame: bits<Mfn>(63, 12, "page request queue"),
  },
);
