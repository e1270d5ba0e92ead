/**
 * SMMUv3 commands that forget translations: 128 bits each, the opcode in bits 7:0.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 4.4.
 */
import type { Dfn } from "../../base/frame.js";
import { bits } from "../../bits/field.js";
import { layout } from "../../bits/layout.js";
import { about, asid, op, page, range, vmid } from "./command_fields.js";

/** CMD_TLBI_NH_ALL. */
export const NhAll = layout(
  about("CMD_TLBI_NH_ALL", "4.4.2.1", [
    [31, 8],
    [63, 48],
    [127, 64],
  ]),
  { op, vmid },
);

/** CMD_TLBI_NH_ASID. */
export const NhAsid = layout(
  about("CMD_TLBI_NH_ASID", "4.4.2.2", [
    [31, 8],
    [127, 64],
  ]),
  { op, vmid, asid },
);

const unusedOfRange = [
  [11, 8],
  [19, 17],
  [31, 25],
  [71, 65],
] as const;

/** CMD_TLBI_NH_VA. */
export const NhVa = layout(about("CMD_TLBI_NH_VA", "4.4.2.4", unusedOfRange), { op, ...range, vmid, asid, page });

/** CMD_TLBI_NH_VAA. */
export const NhVaa = layout(about("CMD_TLBI_NH_VAA", "4.4.2.3", [...unusedOfRange, [63, 48]]), {
  op,
  ...range,
  vmid,
  page,
});

/** CMD_TLBI_EL2_ALL. */
export const El2All = layout(about("CMD_TLBI_EL2_ALL", "4.4.2.7", [[127, 8]]), { op });

/** CMD_TLBI_EL2_ASID. */
export const El2Asid = layout(
  about("CMD_TLBI_EL2_ASID", "4.4.2.10", [
    [47, 8],
    [127, 64],
  ]),
  { op, asid },
);

/** CMD_TLBI_EL2_VA. */
export const El2Va = layout(about("CMD_TLBI_EL2_VA", "4.4.2.8", [...unusedOfRange, [47, 32]]), {
  op,
  ...range,
  asid,
  page,
});

/** CMD_TLBI_EL2_VAA. */
export const El2Vaa = layout(about("CMD_TLBI_EL2_VAA", "4.4.2.9", [...unusedOfRange, [63, 32]]), {
  op,
  ...range,
  page,
});

/** CMD_TLBI_S12_VMALL. */
export const S12VmAll = layout(
  about("CMD_TLBI_S12_VMALL", "4.4.3.2", [
    [31, 8],
    [63, 48],
    [127, 64],
  ]),
  { op, vmid },
);

/** CMD_TLBI_S2_IPA. */
export const S2Ipa = layout(about("CMD_TLBI_S2_IPA", "4.4.3.1", [...unusedOfRange, [63, 48], [127, 120]]), {
  op,
  ...range,
  vmid,
  page: bits<Dfn>(119, 76, "bits 55:12 of the intermediate address"),
});

/** CMD_TLBI_NSNH_ALL. */
export const NsnhAll = layout(about("CMD_TLBI_NSNH_ALL", "4.4.4.1", [[127, 8]]), { op });
