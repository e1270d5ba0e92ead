/** ACPI HPET: where the timer block is. Source: IA-PC HPET specification 1.0a, section 3.2.4. */
import { address64, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** HPET, after the table header. */
export const HpetBody = layout(
  { title: "HPET, after the table header", source: "HPET 1.0a, 3.2.4", bitCount: 128, ignored: [[63, 40]] },
  {
    id: bits(31, 0, "capabilities of the block"),
    space: bits(39, 32, "0 = memory; 1 = I/O ports"),
    address: address64(64, "address of the registers"),
  },
);
/** Registers of the block, and the page that they lie in. */
export const hpetBytes = 4096;
