/**
 * ACPI IORT: SMMUs of an Arm machine, and which ids of which root complex reach them.
 *
 * Source: Arm IO Remapping Table DEN0049E.e, section 3.1 (nodes), 3.1.1.2 (SMMUv3), 3.1.1.3 (root complex), 3.1.1.4
 * (named component), 3.1.1.5 (reserved memory ranges), 3.1.1.1 (id mappings).
 */
import { address64, bit, bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";

/** IORT, after the table header. */
export const IortHeader = layout(
  { title: "IORT, after the table header", source: "DEN0049E.e, 3.1", bitCount: 96, reserved: [[95, 64]] },
  { nodes: bits(31, 0, "nodes"), offset: bits(63, 32, "byte offset of the first node from the table's start") },
);

/** Every node begins so; offsets count from the node's start. */
export const IortNode = layout(
  { title: "IORT node", source: "DEN0049E.e, 3.1", bitCount: 128 },
  {
    type: bits(7, 0, "see IortType"),
    length: bits(23, 8, "bytes of the node"),
    revision: bits(31, 24, "revision of its form"),
    identifier: bits(63, 32, "a number of its own"),
    mappings: bits(95, 64, "id mappings"),
    mappingsAt: bits(127, 96, "byte offset of the first id mapping"),
  },
);
/** Types of nodes. */
export const IortType = { its: 0, named: 1, rootComplex: 2, smmu: 3, smmuv3: 4, counters: 5, reserved: 6 } as const;

/** IORT SMMUv3 node. */
export const IortSmmuv3 = layout(
  { title: "IORT SMMUv3 node", source: "DEN0049E.e, 3.1.1.2", bitCount: 128, ignored: [[127, 96]] },
  {
    base: address64(0, "register base"),
    coherent: bit(64, "1 = table walks are coherent"),
    flags: bits(95, 65, "further flags"),
  },
);

/** SMMU versions 1 and 2. */
export const IortSmmu = layout(
  { title: "IORT SMMU node", source: "DEN0049E.e, 3.1.1.1", bitCount: 192 },
  {
    base: address64(0, "register base"),
    span: address64(64, "bytes of registers"),
    model: bits(159, 128, "see smmuModels"),
    flags: bits(191, 160, "bit 1 = table walks are coherent"),
  },
);
/** SMMUs of version 1 and 2, by their model number. */
export const smmuModels = [
  ...["SMMUv1", "SMMUv2", "MMU-400 (SMMUv1)", "MMU-500 (SMMUv2)"],
  ...["MMU-401 (SMMUv1)", "Cavium ThunderX (SMMUv2)"],
] as const;

/** IORT root complex node. */
export const IortRootComplex = layout(
  {
    title: "IORT root complex node",
    source: "DEN0049E.e, 3.1.1.3",
    bitCount: 128,
    ignored: [
      [63, 0],
      [95, 66],
    ],
  },
  {
    ats: bit(64, "1 = the root complex supports ATS"),
    pri: bit(65, "1 = and page requests"),
    segment: bits(127, 96, "PCI segment"),
  },
);

/** A name, ended by a zero byte, follows 13 bytes of settings. */
export const iortNameAt = 13;
/** Byte of the settings that says how many address bits the device has; 0 = not said. */
export const iortNamedBitsAt = 12;
/** The same of a root complex, in nodes of revision 1 and up. */
export const iortRootBitsAt = 16;

/** IORT reserved memory node. */
export const IortReserved = layout(
  { title: "IORT reserved memory node", source: "DEN0049E.e, 3.1.1.5", bitCount: 96 },
  {
    flags: bits(31, 0, "bit 0 = may be remapped"),
    ranges: bits(63, 32, "memory ranges"),
    rangesAt: bits(95, 64, "byte offset of the first range from the node's start"),
  },
);

/** IORT reserved memory range. */
export const IortRange = layout(
  { title: "IORT reserved memory range", source: "DEN0049E.e, 3.1.1.5", bitCount: 160, reserved: [[159, 128]] },
  {
    base: address64(0, "first byte"),
    bytes: address64(64, "bytes"),
  },
);

/** IORT id mapping. */
export const IdMapping = layout(
  { title: "IORT id mapping", source: "DEN0049E.e, 3.1.1.1", bitCount: 160, reserved: [[159, 129]] },
  {
    input: bits(31, 0, "first input id"),
    count: bits(63, 32, "ids, less one"),
    output: bits(95, 64, "first output id"),
    node: bits(127, 96, "byte offset of the node that takes the output, from the table's start"),
    single: bit(128, "1 = the output id alone, whatever the input"),
  },
);
/** Bytes of an id mapping. */
export const idMappingBytes = 20;
