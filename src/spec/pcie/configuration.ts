/**
 * PCI configuration space: the header, and the capabilities that DMA remapping asks about.
 *
 * Source: PCI Express Base Specification 6.0, sections 7.5.1 (headers), 7.5.3 (capability list), 7.6.3 (extended
 * capabilities), 10.5.1 (ATS), 7.8.9 (PASID), 7.7.11 (ACS),
 * 9.3.3 (SR-IOV).
 */
import { bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** Bytes of the configuration space of one function. */
export const configurationBytes = 4096;
/** Vendor id of a function that is not there. */
export const noVendor = 0xffff;

/** PCI configuration header. */
export const ConfigurationHeader = layout(
  {
    title: "PCI configuration header",
    source: "PCIe 6.0, 7.5.1.1",
    bitCount: 512,
    ignored: [
      [191, 128],
      [255, 192],
      [319, 256],
      [383, 320],
      [415, 384],
      [511, 424],
    ],
  },
  {
    vendor: bits(15, 0, "vendor id; ffffh = nothing there"),
    device: bits(31, 16, "device id"),
    command: bits(47, 32, "bit 1 = memory, bit 2 = bus master"),
    status: bits(63, 48, "bit 4 = a capability list"),
    revision: bits(71, 64, "revision"),
    programming: bits(79, 72, "programming interface"),
    subclass: bits(87, 80, "subclass"),
    baseClass: bits(95, 88, "class"),
    cacheLine: bits(103, 96, "cache line size"),
    latency: bits(111, 104, "latency timer"),
    headerType: bits(118, 112, "0 = device; 1 = bridge"),
    multiFunction: bit(119, "1 = further functions may exist"),
    selfTest: bits(127, 120, "built-in self test"),
    capabilities: bits(423, 416, "offset of the first capability"),
  },
);

/** The part of a bridge's header that says which buses lie below; bytes 18h to 1Bh. */
export const BridgeBuses = layout(
  { title: "PCI bridge bus numbers", source: "PCIe 6.0, 7.5.1.3", bitCount: 32 },
  {
    primary: bits(7, 0, "bus above"),
    secondary: bits(15, 8, "bus right below"),
    subordinate: bits(23, 16, "last bus below"),
    latency: bits(31, 24, "latency timer"),
  },
);
/** Offset of the bus numbers of a bridge. */
export const bridgeBusesAt = 0x18;

/** PCIe extended capability header. */
export const ExtendedCapability = layout(
  { title: "PCIe extended capability header", source: "PCIe 6.0, 7.6.3", bitCount: 32 },
  {
    id: bits(15, 0, "capability id"),
    version: bits(19, 16, "version"),
    next: bits(31, 20, "offset of the next one; 0 = the last"),
  },
);
/** Offset of the first extended capability. */
export const extendedCapabilitiesAt = 0x100;
/** Ids of extended capabilities. */
export const ExtendedId = { acs: 0x0d, ats: 0x0f, sriov: 0x10, pri: 0x13, pasid: 0x1b } as const;

/** Second word of the ATS capability. */
export const AtsControl = layout(
  {
    title: "ATS capability and control",
    source: "PCIe 6.0, 10.5.1.2",
    bitCount: 32,
    ignored: [[15, 0]],
    reserved: [[30, 21]],
  },
  { smallest: bits(20, 16, "smallest translation unit"), enable: bit(31, "1 = the device uses its own TLB") },
);

/** Second word of the PASID capability. */
export const PasidControl = layout(
  {
    title: "PASID capability and control",
    source: "PCIe 6.0, 7.8.9",
    bitCount: 32,
    ignored: [[15, 0]],
    reserved: [[31, 19]],
  },
  {
    enable: bit(16, "1 = requests may carry PASIDs"),
    execute: bit(17, "execute requests"),
    privileged: bit(18, "privileged requests"),
  },
);

/** Words of the SR-IOV capability, by their offset in it. */
export const SriovNumber = layout(
  { title: "SR-IOV number of virtual functions", source: "PCIe 6.0, 9.3.3.7", bitCount: 32, reserved: [[31, 24]] },
  { count: bits(15, 0, "virtual functions that are there"), link: bits(23, 16, "function that these depend on") },
);
/** Where the number of virtual functions stands in the SR-IOV capability. */
export const sriovNumberAt = 0x10;

/** SR-IOV place of virtual functions. */
export const SriovFirst = layout(
  { title: "SR-IOV place of virtual functions", source: "PCIe 6.0, 9.3.3.9, 9.3.3.10", bitCount: 32 },
  {
    offset: bits(15, 0, "requester id of the first one, less that of its physical function"),
    stride: bits(31, 16, "from one to the next"),
  },
);
/** Where their first requester id and stride stand. */
export const sriovFirstAt = 0x14;
