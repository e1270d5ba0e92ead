/**
 * Events of an Arm SMMUv3: the event queue's 32-byte records, and global errors.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070, section 7.3 (event records), 7.5 (global errors,
 * SMMU_GERROR). Names as Linux drivers/iommu/arm/arm-smmu-v3 prints them. Reserved codes are not here.
 */
import type { FaultKind } from "../dma/fault_kind.js";

/** An event that an SMMU records, in words. */
export interface FaultEvent {
  readonly name: string;
  readonly kind: FaultKind;
  readonly words: string;
  /** The address the record holds: the device's, in word 2; the table's, in word 3; or none. */
  readonly address: "input" | "fetch" | "none";
}

const event = (name: string, kind: FaultKind, words: string, address: FaultEvent["address"] = "none"): FaultEvent => ({
  name,
  kind,
  words,
  address,
});

/** By event number, bits 7:0 of the record. */
export const faultEvents: Readonly<Record<number, FaultEvent>> = {
  1: event("F_UUT", "request-type", "the request is of a kind the unit does not support", "input"),
  2: event("C_BAD_STREAMID", "no-entry", "the device's stream number is beyond the stream table"),
  3: event("F_STE_FETCH", "table-access", "the unit could not read the device's stream table entry", "fetch"),
  4: event("C_BAD_STE", "no-entry", "the device's stream table entry is invalid: not set up, or with bad settings"),
  5: event(
    "F_BAD_ATS_TREQ",
    "request-type",
    "the device asked for a translation (ATS) that its entry forbids",
    "input",
  ),
  6: event("F_STREAM_DISABLED", "request-type", "a request without a substream where the entry wants one"),
  7: event(
    "F_TRANSL_FORBIDDEN",
    "request-type",
    "the device sent a translated address (ATS) that its entry forbids",
    "input",
  ),
  8: event("C_BAD_SUBSTREAMID", "request-type", "the substream (PASID) is beyond what the device's entry covers"),
  9: event("F_CD_FETCH", "table-access", "the unit could not read the context descriptor", "fetch"),
  10: event("C_BAD_CD", "bad-table", "the context descriptor is invalid"),
  11: event("F_WALK_EABT", "table-access", "the unit got an error while it walked the page table", "input"),
  16: event("F_TRANSLATION", "unmapped", "nothing is mapped at the address", "input"),
  17: event(
    "F_ADDR_SIZE",
    "address-width",
    "an address in the tables is larger than the unit or the stage allows",
    "input",
  ),
  18: event("F_ACCESS", "bad-table", "the page's access flag is clear and the unit may not set it", "input"),
  19: event("F_PERMISSION", "permission", "the page is mapped, but not for this access", "input"),
  32: event("F_TLB_CONFLICT", "conflict", "the TLB holds two entries for one address", "input"),
  33: event("F_CFG_CONFLICT", "conflict", "the configuration cache holds entries that disagree"),
  36: event("E_PAGE_REQUEST", "unmapped", "a hint that the page will be needed: no fault", "input"),
  37: event("F_VMS_FETCH", "table-access", "the unit could not read the virtual machine structure", "fetch"),
};

/** Bits of SMMU_GERROR, which the kernel prints as "unexpected global error reported". */
export const globalErrorBits: Readonly<Record<number, string>> = {
  0: "a command was refused and the command queue stopped (CMDQ_ERR)",
  2: "the unit could not write an event, events are lost (EVTQ_ABT_ERR)",
  3: "the unit could not write a page request (PRIQ_ABT_ERR)",
  4: "the interrupt for the command queue was lost (MSI_CMDQ_ABT_ERR)",
  5: "the interrupt for the event queue was lost (MSI_EVTQ_ABT_ERR)",
  6: "the interrupt for the page request queue was lost (MSI_PRIQ_ABT_ERR)",
  7: "the interrupt for a global error was lost (MSI_GERROR_ABT_ERR)",
  8: "the unit entered service failure mode and translates no more (SFM_ERR)",
};

/** The fields of a record that tell what was tried; they lie at the same places in each event that has them. */
export interface RecordFields {
  readonly event: number;
  readonly stream: number;
  readonly substream: number | null;
  /** The device waits for the fault to be resolved. */
  readonly stalled: boolean;
  readonly write: boolean;
  readonly privileged: boolean;
  readonly instruction: boolean;
  readonly stage2: boolean;
  /** What was being read when it failed; null for the code that is reserved. */
  readonly during: "context descriptor" | "page table" | "address itself" | null;
}

/**
 * Split a record's first two 64-bit words, each as two halves of 32 bits.
 * Layout: section 7.3; SSV 11, SSID 31:12, SID 63:32; then Stall 31, PnU 33, InD 34, RnW 35, S2 39, CLASS 41:40.
 */
export function recordFields(low0: number, high0: number, low1: number, high1: number): RecordFields {
  const during = ["context descriptor", "page table", "address itself", null] as const;
  return {
    event: low0 & 0xff,
    stream: high0 >>> 0,
    substream: (low0 & 0x800) !== 0 ? low0 >>> 12 : null,
    stalled: low1 >>> 31 === 1,
    privileged: (high1 & 0x2) !== 0,
    instruction: (high1 & 0x4) !== 0,
    write: (high1 & 0x8) === 0,
    stage2: (high1 & 0x80) !== 0,
    during: during[(high1 >>> 8) & 3]!,
  };
}
