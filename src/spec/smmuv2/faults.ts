/**
 * Fault registers of an Arm SMMUv1 or v2, as kernels print them.
 *
 * Source: Arm SMMU architecture specification IHI 0062 D, SMMU_CBn_FSR, SMMU_CBn_FSYNR0, SMMU_sGFSR, SMMU_sGFSYNR0;
 * bit places as Linux drivers/iommu/arm/arm-smmu/arm-smmu.h has them.
 */
import type { FaultKind } from "../dma/fault_kind.js";

export interface FaultBit {
  readonly bit: number;
  readonly name: string;
  readonly kind: FaultKind;
  readonly words: string;
}

const bit = (n: number, name: string, kind: FaultKind, words: string): FaultBit => ({ bit: n, name, kind, words });

/** SMMU_CBn_FSR: the first that is set names the fault. */
export const contextFaults: readonly FaultBit[] = [
  bit(1, "TF", "unmapped", "nothing is mapped at the address (translation fault)"),
  bit(3, "PF", "permission", "the page is mapped, but not for this access (permission fault)"),
  bit(2, "AFF", "bad-table", "the page's access flag is clear (access flag fault)"),
  bit(4, "EF", "table-access", "the unit got a bus error while it walked the page table (external fault)"),
  bit(7, "ASF", "address-width", "the address, or one in the tables, is too large (address size fault)"),
  bit(8, "UUT", "request-type", "the request is of a kind the unit does not support"),
  bit(5, "TLBMCF", "conflict", "the TLB holds two entries for one address (TLB match conflict)"),
  bit(6, "TLBLKF", "conflict", "locked entries filled the TLB (TLB lock fault)"),
];

/** Bits of SMMU_CBn_FSR beside those. */
export const contextState: Readonly<Record<number, string>> = {
  30: "the device waits (SS)",
  31: "more faults came before this one was read (MULTI)",
};

/** SMMU_sGFSR. */
export const globalFaults: readonly FaultBit[] = [
  bit(1, "USF", "no-entry", "no stream mapping of the unit matches the stream (unidentified stream fault)"),
  bit(2, "SMCF", "bad-table", "more than one stream mapping matches the stream (stream match conflict)"),
  bit(0, "ICF", "bad-table", "the context that the stream is mapped to is invalid (invalid context fault)"),
  bit(3, "UCBF", "bad-table", "the stream is mapped to a context bank that does not exist"),
  bit(4, "UCIF", "bad-table", "a context interrupt that does not exist is named"),
  bit(5, "CAF", "request-type", "a configuration access was refused"),
  bit(6, "EF", "table-access", "a bus error outside any context (external fault)"),
  bit(7, "PF", "permission", "an access to the unit's registers was refused"),
  bit(8, "UUT", "request-type", "the request is of a kind the unit does not support"),
];
