/**
 * ACPI: the root pointer, the header that every table begins with, and MCFG.
 *
 * Source: ACPI specification 6.5, sections 5.2.5.3 (RSDP), 5.2.6 (header), 5.2.7 and 5.2.8 (RSDT, XSDT); PCI Firmware
 * specification 3.3, section 4.1.2 (MCFG). 64-bit addresses are two fields, since not every one fits a number.
 */
import { address64, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** `RSD ` and `PTR ` as little-endian words; the structure stands at a multiple of 16. */
export const rsdpSignature = [0x20445352, 0x20525450] as const;

/** RSDP. */
export const Rsdp = layout(
  {
    title: "RSDP",
    source: "ACPI 6.5, 5.2.5.3",
    bitCount: 320,
    ignored: [[63, 0]],
    reserved: [
      [287, 264],
      [319, 288],
    ],
  },
  {
    checksum: bits(71, 64, "makes the first 20 bytes sum to 0"),
    oem: bits(119, 72, "vendor"),
    revision: bits(127, 120, "0 = the first 20 bytes only; 2 = all"),
    rsdt: bits(159, 128, "32-bit address of the RSDT"),
    length: bits(191, 160, "bytes of this structure"),
    xsdt: address64(192, "address of the XSDT"),
    extendedChecksum: bits(263, 256, "makes all bytes sum to 0"),
  },
);
/** Bytes that `checksum` covers, and all a revision 0 structure has. */
export const rsdpShortBytes = 20;

/** ACPI table header. */
export const TableHeader = layout(
  { title: "ACPI table header", source: "ACPI 6.5, 5.2.6", bitCount: 288 },
  {
    signature: bits(31, 0, "four letters"),
    length: bits(63, 32, "bytes of the table with this header"),
    revision: bits(71, 64, "revision of the table's form"),
    checksum: bits(79, 72, "makes all bytes sum to 0"),
    oem: bits(127, 80, "vendor"),
    oemTable: address64(128, "vendor's name of the table"),
    oemRevision: bits(223, 192, "vendor's revision"),
    creator: bits(255, 224, "compiler"),
    creatorRevision: bits(287, 256, "compiler's revision"),
  },
);
/** Bytes of the header of every table. */
export const tableHeaderBytes = 36;

/** One window of PCI configuration space; entries follow the header and 8 reserved bytes. */
export const McfgEntry = layout(
  { title: "MCFG entry", source: "PCI Firmware 3.3, 4.1.2", bitCount: 128, reserved: [[127, 96]] },
  {
    base: address64(0, "address of bus 0's configuration space"),
    segment: bits(79, 64, "PCI segment"),
    firstBus: bits(87, 80, "first bus of the window"),
    lastBus: bits(95, 88, "last bus of the window"),
  },
);
/** Where the entries of MCFG begin. */
export const mcfgEntriesAt = 44;
