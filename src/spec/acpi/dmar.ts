/**
 * ACPI DMAR: VT-d units, the devices of each, and reserved memory.
 *
 * Source: Intel VT-d Architecture Specification rev 4.1, chapter 8 (8.1 DMAR, 8.2 structure types, 8.3 DRHD, 8.3.1 device
 * scope, 8.4 RMRR, 8.5 ATSR, 8.6 RHSA, 8.7 ANDD, 8.8 SATC).
 */
import { address64, bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** Byte of the host address width less one, behind the table header. */
export const dmarWidthAt = 36;
/** Byte of the flags, see DmarFlag. */
export const dmarFlagsAt = 37;
/** Where the structures begin. */
export const dmarStructuresAt = 48;
/** Bits of the flags. */
export const DmarFlag = { interruptRemapping: 1, x2apicOptOut: 2, dmaControlOptIn: 4 } as const;

/** Types of structures. */
export const DmarType = { drhd: 0, rmrr: 1, atsr: 2, rhsa: 3, andd: 4, satc: 5 } as const;

/** DMAR remapping unit (DRHD). */
export const Drhd = layout(
  { title: "DMAR remapping unit (DRHD)", source: "VT-d 4.1, 8.3", bitCount: 128, reserved: [[39, 33]] },
  {
    type: bits(15, 0, "0"),
    length: bits(31, 16, "bytes, with device scopes"),
    includeAll: bit(32, "1 = every device of the segment that no other unit names"),
    size: bits(47, 40, "2^n pages of registers"),
    segment: bits(63, 48, "PCI segment"),
    base: address64(64, "register base"),
  },
);

/** DMAR reserved memory region (RMRR). */
export const Rmrr = layout(
  { title: "DMAR reserved memory region (RMRR)", source: "VT-d 4.1, 8.4", bitCount: 192, reserved: [[47, 32]] },
  {
    type: bits(15, 0, "1"),
    length: bits(31, 16, "bytes, with device scopes"),
    segment: bits(63, 48, "PCI segment"),
    base: address64(64, "first byte"),
    limit: address64(128, "last byte"),
  },
);

/** ATSR and SATC have one form: devices (ATSR: root ports) that may use ATS. */
export const AtsDevices = layout(
  {
    title: "DMAR devices with ATS (ATSR, SATC)",
    source: "VT-d 4.1, 8.5, 8.8",
    bitCount: 64,
    reserved: [
      [39, 33],
      [47, 40],
    ],
  },
  {
    type: bits(15, 0, "2 = ATSR; 5 = SATC"),
    length: bits(31, 16, "bytes, with device scopes"),
    flag: bit(32, "ATSR: 1 = all root ports; SATC: 1 = the devices need ATS"),
    segment: bits(63, 48, "PCI segment"),
  },
);

/** DMAR unit's proximity (RHSA). */
export const Rhsa = layout(
  { title: "DMAR unit's proximity (RHSA)", source: "VT-d 4.1, 8.6", bitCount: 160, reserved: [[63, 32]] },
  {
    type: bits(15, 0, "3"),
    length: bits(31, 16, "bytes"),
    base: address64(64, "register base"),
    proximity: bits(159, 128, "proximity domain"),
  },
);

/** A name, ended by a zero byte, follows. */
export const Andd = layout(
  { title: "DMAR device named by ACPI (ANDD)", source: "VT-d 4.1, 8.7", bitCount: 64, reserved: [[55, 32]] },
  {
    type: bits(15, 0, "4"),
    length: bits(31, 16, "bytes, with the name"),
    device: bits(63, 56, "the number that device scopes use for it"),
  },
);

/** The path follows: pairs of device and function, from the start bus down through bridges. */
export const DeviceScope = layout(
  {
    title: "DMAR device scope",
    source: "VT-d 4.1, 8.3.1",
    bitCount: 64,
    ignored: [
      [31, 16],
      [63, 48],
    ],
  },
  {
    type: bits(7, 0, "1 = a device; 2 = a bridge and all below; 3 = I/O APIC; 4 = HPET; 5 = named by ACPI"),
    length: bits(15, 8, "bytes, with the path"),
    enumeration: bits(39, 32, "I/O APIC, HPET or ANDD number"),
    startBus: bits(47, 40, "bus on which the path begins"),
  },
);
/** Where the path of a device scope begins. */
export const deviceScopePathAt = 6;
/** Types of device scopes. */
export const ScopeType = { device: 1, bridge: 2, ioApic: 3, hpet: 4, named: 5 } as const;
