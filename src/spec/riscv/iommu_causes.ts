/**
 * Causes in the fault queue of a RISC-V IOMMU.
 *
 * Source: RISC-V IOMMU Architecture Specification 1.0, section 3.2 (fault/event queue, table of causes).
 */
import type { FaultKind } from "../dma/fault_kind.js";

export interface FaultCause {
  readonly kind: FaultKind;
  readonly words: string;
  /** Where the cause says so. */
  readonly write?: boolean;
}

const pageWords = "the page is not mapped, or not for this access";

export const faultCauses: Readonly<Record<number, FaultCause>> = {
  1: { kind: "table-access", words: "an instruction fetch, or the walk for it, met a bus error" },
  5: { kind: "table-access", words: "a read, or the walk for it, met a bus error", write: false },
  7: { kind: "table-access", words: "a write, or the walk for it, met a bus error", write: true },
  12: { kind: "unmapped-or-permission", words: `${pageWords} (instruction, first stage)` },
  13: { kind: "unmapped-or-permission", words: `${pageWords} (read, first stage)`, write: false },
  15: { kind: "unmapped-or-permission", words: `${pageWords} (write, first stage)`, write: true },
  20: { kind: "unmapped-or-permission", words: `${pageWords} (instruction, second stage)` },
  21: { kind: "unmapped-or-permission", words: `${pageWords} (read, second stage)`, write: false },
  23: { kind: "unmapped-or-permission", words: `${pageWords} (write, second stage)`, write: true },
  256: { kind: "no-entry", words: "the unit is off and refuses every access" },
  257: { kind: "table-access", words: "the device directory could not be read" },
  258: { kind: "no-entry", words: "the device directory has no valid entry for the device" },
  259: { kind: "bad-table", words: "the device directory's entry is misconfigured" },
  260: { kind: "request-type", words: "the device's entry does not allow this type of transaction" },
};
