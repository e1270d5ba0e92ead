/**
 * ACPI IVRS: AMD IOMMUs, the devices of each, and memory that must stay reachable.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 5.2 (IVRS, IVHD, device entries, IVMD).
 */
import { address64, bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** After the table header come four bytes of information and eight reserved ones. */
export const ivrsBlocksAt = 48;
/** Where the I/O virtualization information stands. */
export const ivrsInfoAt = 36;

/** IVRS information (IVinfo). */
export const IvrsInfo = layout(
  {
    title: "IVRS information (IVinfo)",
    source: "AMD IOMMU 48882, 5.2.1",
    bitCount: 32,
    reserved: [
      [4, 2],
      [31, 23],
    ],
  },
  {
    featureSup: bit(0, "1 = the units' blocks repeat their feature registers"),
    dmaOptIn: bit(1, "1 = firmware guarded DMA, and asks that this goes on"),
    guestBits: bits(7, 5, "width of guest virtual addresses"),
    physicalBits: bits(14, 8, "bits of physical addresses"),
    virtualBits: bits(21, 15, "bits of virtual addresses"),
    atsReserved: bit(22, "1 = the range of ATS responses is reserved"),
  },
);

/** Types of blocks. */
export const IvrsType = {
  ivhd10: 0x10,
  ivhd11: 0x11,
  ivhd40: 0x40,
  ivmdAll: 0x20,
  ivmdOne: 0x21,
  ivmdRange: 0x22,
} as const;

/** The part that all three forms share; 11h and 40h have 16 more bytes before the device entries. */
export const Ivhd = layout(
  { title: "IVRS unit (IVHD)", source: "AMD IOMMU 48882, 5.2.2.1", bitCount: 192 },
  {
    type: bits(7, 0, "10h, 11h or 40h"),
    flags: bits(15, 8, "bit 4 = device TLBs (ATS)"),
    length: bits(31, 16, "bytes, with device entries"),
    device: bits(47, 32, "requester id of the unit itself"),
    capability: bits(63, 48, "offset of its PCI capability"),
    base: address64(64, "register base"),
    segment: bits(143, 128, "PCI segment"),
    info: bits(159, 144, "interrupt numbers"),
    features: bits(191, 160, "attributes"),
  },
);
/** Where an IVHD's entries begin, by its type. */
export const ivhdEntriesAt: Readonly<Record<number, number>> = { 16: 24, 17: 40, 64: 40 };
/** Of the forms 11h and 40h: the unit's feature register, 8 bytes. */
export const ivhdFeaturesAt = 24;
/** Flag of an IVHD: device TLBs are supported. */
export const ivhdIotlbFlag = 1 << 4;
/** Flag of an IVHD: table walks are coherent. */
export const ivhdCoherentFlag = 1 << 5;

/** Four bytes that begin every device entry. */
export const IvhdEntry = layout(
  { title: "IVHD device entry", source: "AMD IOMMU 48882, 5.2.2.2", bitCount: 32 },
  {
    type: bits(7, 0, "see IvhdEntryType"),
    device: bits(23, 8, "requester id"),
    data: bits(31, 24, "settings of the device's entry"),
  },
);

/** Eight bytes: entries with an alias (40h and up). */
export const IvhdAlias = layout(
  {
    title: "IVHD alias entry",
    source: "AMD IOMMU 48882, 5.2.2.2",
    bitCount: 64,
    reserved: [
      [39, 32],
      [63, 56],
    ],
  },
  {
    type: bits(7, 0, "42h or 43h"),
    device: bits(23, 8, "requester id of the device"),
    data: bits(31, 24, "settings"),
    source: bits(55, 40, "requester id that its requests carry"),
  },
);

/** Eight bytes: an I/O APIC or HPET. */
export const IvhdSpecial = layout(
  { title: "IVHD special device", source: "AMD IOMMU 48882, 5.2.2.2", bitCount: 64, reserved: [[23, 8]] },
  {
    type: bits(7, 0, "48h"),
    data: bits(31, 24, "settings"),
    handle: bits(39, 32, "I/O APIC or HPET number"),
    source: bits(55, 40, "requester id that its requests carry"),
    variety: bits(63, 56, "1 = I/O APIC; 2 = HPET"),
  },
);

/** Types of device entries. */
export const IvhdEntryType = {
  ...{ padding: 0, all: 1, select: 2, rangeStart: 3, rangeEnd: 4 },
  ...{ aliasSelect: 0x42, aliasRange: 0x43, extendedSelect: 0x46, extendedRange: 0x47, special: 0x48, named: 0xf0 },
} as const;
/** Bytes of an entry named by ACPI, before its unique id; the length of that is the last byte. */
export const ivhdNamedBytes = 22;

/** IVRS memory (IVMD). */
export const Ivmd = layout(
  { title: "IVRS memory (IVMD)", source: "AMD IOMMU 48882, 5.2.2.3", bitCount: 256, reserved: [[127, 80]] },
  {
    type: bits(7, 0, "20h = all devices; 21h = one; 22h = a range"),
    unity: bit(8, "1 = mapped one to one"),
    read: bit(9, "1 = readable"),
    write: bit(10, "1 = writable"),
    exclusion: bit(11, "1 = not translated at all"),
    flags: bits(15, 12, "reserved flags"),
    length: bits(31, 16, "bytes of this block"),
    device: bits(47, 32, "requester id, the first of a range"),
    last: bits(63, 48, "last requester id of a range"),
    segment: bits(79, 64, "PCI segment, in newer forms"),
    start: address64(128, "first byte"),
    bytes: address64(192, "bytes"),
  },
);
