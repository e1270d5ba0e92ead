/**
 * Layouts, codes and numbers that documents state, each with its section: of IOMMUs, ACPI's tables of them, PCI Express,
 * Xen's rings and grants, and two devices. For who reads or writes such structures, or prints them decoded.
 *
 * A layout holds one field for each bit range: `read(words, 0, vtd.SsPage.frame)`; `describe(words, 0, vtd.SsPage.$)`
 * decodes all of it. Words are 32 bits, little-endian.
 *
 * Promised: positions and values are the documents'; names stay as they are within a minor version.
 *
 * @packageDocumentation
 */
export type { Dfn, Mfn } from "../base/frame.js";
export { type Draft, type Field, read, write } from "../bits/field.js";
export { type About, type BitRange, type Drafts, describe, type Layout, type Named } from "../bits/layout.js";
export type { Access, Register, RegisterMap, WordPair } from "../bits/register_map.js";
export type { FaultKind } from "../spec/dma/fault_kind.js";
export * as acpi from "./spec/acpi.js";
export * as amdvi from "./spec/amdvi.js";
export * as e1000 from "./spec/e1000.js";
export * as nvme from "./spec/nvme.js";
export * as pcie from "./spec/pcie.js";
export * as smmuv3 from "./spec/smmuv3.js";
export * as vtd from "./spec/vtd.js";
export * as xen from "./spec/xen.js";
