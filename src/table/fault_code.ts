/**
 * The code that a unit raises for a neutral fault of a walk.
 *
 * Source: VT-d 4.1, 7.1.3 (table of fault conditions; LGN, SFS, SSS and SGN numbers); AMD IOMMU 48882, 2.5.3
 * (IO_PAGE_FAULT) and 2.5.5 (PAGE_TAB_HARDWARE_ERROR); Arm SMMUv3 IHI 0070, 7.3.
 */
import type { FaultName } from "./fault.js";

/** Whose codes, in which mode. */
export type CodeSet = "vtd-legacy" | "vtd-scalable" | "amdvi" | "smmuv3";

/** A fault, and the request that met it. */
export interface FaultAt {
  readonly fault: FaultName;
  readonly stage: "first" | "second";
  /** Of the request. */
  readonly write: boolean;
  /** The table's own address is at fault, not one in an entry. */
  readonly atTop?: boolean;
  /** Nested: the second stage refused a table of the first. */
  readonly onFirstStageTable?: boolean;
}

/** The unit's own number. @returns VT-d fault reason, AMD-Vi event code, or SMMUv3 event number. */
export function faultCode(codes: CodeSet, at: FaultAt): number {
  if (codes === "vtd-legacy") return legacy(at);
  if (codes === "vtd-scalable") return at.stage === "first" ? firstStage(at) : secondStage(at);
  if (codes === "amdvi") return at.fault === "outside" ? 4 : 2;
  return smmu[at.fault];
}

/** LGN.4 to LGN.8 and their neighbours: absence is a lack of permission. */
function legacy({ fault, write, atTop }: FaultAt): number {
  if (fault === "inputSize") return 4;
  // LCT.4.3: what the context entry's own pointer leads to is a fault of the context entry.
  if (fault === "outside") return atTop === true ? 3 : 7;
  if (fault === "interruptRange") return 0xe;
  if (fault === "reserved" || fault === "addressSize") return 0xc;
  return write ? 5 : 6;
}

function firstStage({ fault, write, atTop }: FaultAt): number {
  if (fault === "outside") return atTop === true ? 0x73 : 0x70;
  if (fault === "absent") return 0x71;
  if (fault === "reserved" || fault === "addressSize") return 0x72;
  if (fault === "inputSize") return 0x80;
  if (fault === "privilege") return 0x81;
  if (fault === "interruptRange") return 0x87;
  return write ? 0x85 : 0x86;
}

/**
 * Second stage of scalable mode. An entry's rights are also what makes it present, so SSS.1 says both; the general codes
 * of writes and reads (SGN.5, SGN.6) are the first stage's. What a table of the first stage meets has codes of its own.
 */
function secondStage({ fault, atTop, onFirstStageTable }: FaultAt): number {
  if (fault === "outside") return atTop === true ? 0x7b : 0x78;
  if (fault === "reserved" || fault === "addressSize") return 0x7a;
  if (onFirstStageTable === true) return fault === "inputSize" ? 0x74 : atTop === true ? 0x75 : 0x76;
  if (fault === "inputSize") return 0x84;
  if (fault === "interruptRange") return 0x87;
  return 0x79;
}

const smmu: Readonly<Record<FaultName, number>> = {
  absent: 0x10,
  inputSize: 0x10,
  addressSize: 0x11,
  accessFlag: 0x12,
  readRefused: 0x13,
  writeRefused: 0x13,
  privilege: 0x13,
  outside: 0x0b,
  // No format of the SMMU has these.
  reserved: 0x10,
  skipped: 0x10,
  interruptRange: 0x10,
};
