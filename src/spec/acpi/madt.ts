/**
 * ACPI MADT (signature `APIC`): interrupt controllers and where their registers are.
 *
 * Source: ACPI specification 6.5, section 5.2.12. Offsets count from the table's start, and in an entry from the entry's.
 */
import { address64, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** MADT, after the table header. */
export const MadtHeader = layout(
  { title: "MADT, after the table header", source: "ACPI 6.5, 5.2.12", bitCount: 64 },
  { localApic: bits(31, 0, "registers of each processor's local APIC"), flags: bits(63, 32, "bit 0 = two 8259s too") },
);
/** Where the entries of MADT begin. */
export const madtEntriesAt = 44;

/** Types of entries. */
export const MadtType = {
  ioApic: 1,
  localApicOverride: 5,
  gicDistributor: 0x0c,
  gicMsiFrame: 0x0d,
  gicRedistributor: 0x0e,
  gicIts: 0x0f,
} as const;

/** MADT entry. */
export const MadtEntry = layout(
  { title: "MADT entry", source: "ACPI 6.5, 5.2.12", bitCount: 16 },
  { type: bits(7, 0, "see MadtType"), length: bits(15, 8, "bytes of the entry") },
);

/** MADT I/O APIC. */
export const MadtIoApic = layout(
  { title: "MADT I/O APIC", source: "ACPI 6.5, 5.2.12.3", bitCount: 96, ignored: [[31, 0]] },
  { address: bits(63, 32, "registers"), first: bits(95, 64, "first interrupt") },
);

/** MADT local APIC address override. */
export const MadtLocalApicOverride = layout(
  { title: "MADT local APIC address override", source: "ACPI 6.5, 5.2.12.8", bitCount: 96, ignored: [[31, 0]] },
  { address: address64(32, "address of the registers") },
);

/** Distributor, MSI frame and ITS have their address in the same place. */
export const MadtGic = layout(
  { title: "MADT GIC block", source: "ACPI 6.5, 5.2.12.15, 5.2.12.16, 5.2.12.18", bitCount: 128, ignored: [[31, 0]] },
  {
    id: bits(63, 32, "number of the block"),
    address: address64(64, "address of the registers"),
  },
);

/** MADT GIC redistributors. */
export const MadtGicRedistributor = layout(
  { title: "MADT GIC redistributors", source: "ACPI 6.5, 5.2.12.17", bitCount: 128, ignored: [[31, 0]] },
  {
    address: address64(32, "address of the registers"),
    bytes: bits(127, 96, "bytes of them"),
  },
);

/** Bytes of each block's registers. Source: I/O APIC 82093AA, 3.0; Intel SDM 3, 11.4.1; Arm IHI 0069 H, 12.8, 12.18; IHI 0069, v2m. */
export const registerBytes = {
  ioApic: 4096,
  localApic: 4096,
  distributor: 0x10000,
  msiFrame: 4096,
  its: 0x20000,
} as const;
