/**
 * ACPI VIOT: paravirtual IOMMUs, and the devices behind them.
 *
 * Source: ACPI specification 6.5, section 5.2.32. Offsets count from the table's start.
 */
import { address64, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** VIOT, after the table header. */
export const ViotHeader = layout(
  {
    title: "VIOT, after the table header",
    source: "ACPI 6.5, 5.2.32",
    bitCount: 96,
    reserved: [
      [63, 32],
      [95, 64],
    ],
  },
  { nodes: bits(15, 0, "nodes"), offset: bits(31, 16, "byte offset of the first node") },
);

/** Types of nodes. */
export const ViotType = { pciRange: 1, mmioEndpoint: 2, virtioPci: 3, virtioMmio: 4 } as const;

/** VIOT node. */
export const ViotNode = layout(
  { title: "VIOT node", source: "ACPI 6.5, 5.2.32", bitCount: 32, reserved: [[15, 8]] },
  { type: bits(7, 0, "see ViotType"), length: bits(31, 16, "bytes of the node") },
);

/** VIOT range of PCI devices. */
export const ViotPciRange = layout(
  {
    title: "VIOT range of PCI devices",
    source: "ACPI 6.5, 5.2.32",
    bitCount: 192,
    ignored: [[31, 0]],
    reserved: [[191, 144]],
  },
  {
    endpoint: bits(63, 32, "endpoint id of the first"),
    firstSegment: bits(79, 64, "first PCI segment"),
    lastSegment: bits(95, 80, "last PCI segment"),
    first: bits(111, 96, "first requester id"),
    last: bits(127, 112, "last requester id"),
    unit: bits(143, 128, "byte offset of the unit's node"),
  },
);

/** VIOT virtio-iommu on PCI. */
export const ViotVirtioPci = layout(
  {
    title: "VIOT virtio-iommu on PCI",
    source: "ACPI 6.5, 5.2.32",
    bitCount: 128,
    ignored: [[31, 0]],
    reserved: [[127, 64]],
  },
  { segment: bits(47, 32, "PCI segment"), requester: bits(63, 48, "requester id") },
);

/** VIOT virtio-iommu by address. */
export const ViotVirtioMmio = layout(
  {
    title: "VIOT virtio-iommu by address",
    source: "ACPI 6.5, 5.2.32",
    bitCount: 128,
    ignored: [[31, 0]],
    reserved: [[63, 32]],
  },
  { base: address64(64, "register base") },
);
