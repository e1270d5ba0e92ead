/**
 * Commands of an SMMUv3 and what the queue says when one fails.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, section 4.1.3 (opcodes), 7.1 (command queue errors).
 */

/** By bits 7:0 of a command. */
export const commandNames: Readonly<Record<number, string>> = {
  1: "CMD_PREFETCH_CONFIG",
  2: "CMD_PREFETCH_ADDR",
  3: "CMD_CFGI_STE",
  4: "CMD_CFGI_STE_RANGE",
  5: "CMD_CFGI_CD",
  6: "CMD_CFGI_CD_ALL",
  16: "CMD_TLBI_NH_ALL",
  17: "CMD_TLBI_NH_ASID",
  18: "CMD_TLBI_NH_VA",
  19: "CMD_TLBI_NH_VAA",
  32: "CMD_TLBI_EL2_ALL",
  33: "CMD_TLBI_EL2_ASID",
  34: "CMD_TLBI_EL2_VA",
  40: "CMD_TLBI_S12_VMALL",
  42: "CMD_TLBI_S2_IPA",
  48: "CMD_TLBI_NSNH_ALL",
  64: "CMD_ATC_INV",
  65: "CMD_PRI_RESP",
  68: "CMD_RESUME",
  70: "CMD_SYNC",
};

/** SMMU_CMDQ_CONS.ERR. */
export const CommandError = { none: 0, illegal: 1, abort: 2, deviceTlb: 3 } as const;
