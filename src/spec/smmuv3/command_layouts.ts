/**
 * SMMUv3 commands, one by one: 128 bits each, the opcode in bits 7:0.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 4.2 to 4.7. Those of the secure and realm queues, of MPAM and
 * of device permission tables are not described.
 */
import type { Dfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import { type About, type BitRange, layout } from "../../bits/layout.js";

/** Values of `op`. */
export const Command = {
  prefetchConfig: 0x01,
  prefetchAddress: 0x02,
  ste: 0x03,
  steRange: 0x04,
  cd: 0x05,
  cdAll: 0x06,
  nhAll: 0x10,
  nhAsid: 0x11,
  nhVa: 0x12,
  nhVaa: 0x13,
  el2All: 0x20,
  el2Asid: 0x21,
  el2Va: 0x22,
  el2Vaa: 0x23,
  s12VmAll: 0x28,
  s2Ipa: 0x2a,
  nsnhAll: 0x30,
  atcInv: 0x40,
  priResp: 0x41,
  resume: 0x44,
  stallTerm: 0x45,
  sync: 0x46,
} as const;
export type Command = (typeof Command)[keyof typeof Command];

const about = (name: string, section: string, reserved: readonly BitRange[]) => ({
  title: `SMMUv3 ${name}`,
  source: `IHI 0070 G, ${section}`,
  bitCount: 128,
  reserved,
});

const op = bits(7, 0, "what is asked for");
const ssec = bit(10, "1 = a secure stream, which this queue may not name");
const ssv = bit(11, "1 = with a substream");
const ssid = bits(31, 12, "the substream");
const sid = bits(63, 32, "the stream");
const vmid = bits(47, 32, "the virtual machine");
const asid = bits(63, 48, "the address space");
const leaf = bit(64, "1 = only what is last on the way changed: what leads to it may stay");
const page = bits<Dfn>(127, 76, "bits 63:12 of the address");
const range = {
  num: bits(16, 12, "of (num + 1) * 2^scale granules, where tg is not 0"),
  scale: bits(24, 20, "of (num + 1) * 2^scale granules, where tg is not 0"),
  leaf,
  ttl: bits(73, 72, "level of the leaves; 0 = any"),
  tg: bits(75, 74, "granule of the tables: 0 any, and one address; 1 4 KiB; 2 16 KiB; 3 64 KiB"),
};

/** CMD_PREFETCH_CONFIG. */
export const PrefetchConfig = layout(
  about("CMD_PREFETCH_CONFIG", "4.2.1", [
    [9, 8],
    [127, 64],
  ]),
  { op, ssec, ssv, ssid, sid },
);

/** CMD_PREFETCH_ADDR. */
export const PrefetchAddress = layout(
  about("CMD_PREFETCH_ADDR", "4.2.2", [
    [9, 8],
    [75, 74],
  ]),
  {
    op,
    ssec,
    ssv,
    ssid,
    sid,
    size: bits(68, 64, "2^n translations"),
    stride: bits(73, 69, "2^(12 + n) bytes from one to the next"),
    page,
  },
);

/** CMD_CFGI_STE. */
export const SteInvalidate = layout(
  about("CMD_CFGI_STE", "4.3.1", [
    [9, 8],
    [31, 11],
    [127, 65],
  ]),
  { op, ssec, sid, leaf },
);

/** CMD_CFGI_STE_RANGE; with range 31 it is CMD_CFGI_ALL. */
export const SteRangeInvalidate = layout(
  about("CMD_CFGI_STE_RANGE", "4.3.2", [
    [9, 8],
    [31, 11],
    [127, 69],
  ]),
  { op, ssec, sid, range: bits(68, 64, "2^(n + 1) streams, aligned") },
);

/** CMD_CFGI_CD. */
export const CdInvalidate = layout(
  about("CMD_CFGI_CD", "4.3.3", [
    [9, 8],
    [11, 11],
    [127, 65],
  ]),
  { op, ssec, ssid, sid, leaf },
);

/** CMD_CFGI_CD_ALL. */
export const CdAllInvalidate = layout(
  about("CMD_CFGI_CD_ALL", "4.3.4", [
    [9, 8],
    [31, 11],
    [127, 64],
  ]),
  { op, ssec, sid },
);

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

/** CMD_ATC_INV. */
export const AtcInvalidate = layout(
  about("CMD_ATC_INV", "4.5.1", [
    [8, 8],
    [10, 10],
    [75, 70],
  ]),
  {
    op,
    global: bit(9, "1 = of all substreams; counts with ssv only"),
    ssv,
    ssid,
    sid,
    size: bits(69, 64, "2^n pages of 4 KiB, aligned; 52 = all"),
    page,
  },
);

/** CMD_PRI_RESP. */
export const PageResponse = layout(
  about("CMD_PRI_RESP", "4.5.2", [
    [10, 8],
    [75, 73],
    [127, 78],
  ]),
  {
    op,
    ssv,
    ssid,
    sid,
    group: bits(72, 64, "index of the group"),
    resp: bits(77, 76, "0 failure; 1 invalid request; 2 success"),
  },
);

/** CMD_RESUME. */
export const Resume = layout(
  about("CMD_RESUME", "4.7.1", [
    [9, 8],
    [11, 11],
    [31, 14],
    [127, 80],
  ]),
  {
    op,
    ssec,
    retry: bit(12, "1 = the request is tried again; 0 = it ends"),
    abort: bit(13, "1 = it ends as refused; 0 = as if all went well"),
    sid,
    stag: bits(79, 64, "tag of the request, as its event has it"),
  },
);

/** CMD_STALL_TERM. */
export const StallTerminate = layout(
  about("CMD_STALL_TERM", "4.7.2", [
    [9, 8],
    [31, 11],
    [127, 64],
  ]),
  { op, ssec, sid },
);

/** CMD_SYNC. */
export const Sync = layout(
  about("CMD_SYNC", "4.7.3", [
    [11, 8],
    [21, 14],
    [31, 28],
    [65, 64],
    [127, 116],
  ]),
  {
    op,
    cs: bits(13, 12, "how completion is told: 0 by CMDQ_CONS alone; 1 by an interrupt; 2 by a wake-up event"),
    msh: bits(23, 22, "shareability of the message"),
    msiAttr: bits(27, 24, "memory type of the message"),
    msiData: bits(63, 32, "what is written"),
    msiAddress: bits(115, 66, "where, in units of 4 bytes; 0 = nowhere"),
  },
);

/** Values of `cs`. */
export const Completion = { none: 0, interrupt: 1, event: 2 } as const;

/** The layout of each command. */
export const commandLayouts: Readonly<Record<number, About>> = {
  [Command.prefetchConfig]: PrefetchConfig.$,
  [Command.prefetchAddress]: PrefetchAddress.$,
  [Command.ste]: SteInvalidate.$,
  [Command.steRange]: SteRangeInvalidate.$,
  [Command.cd]: CdInvalidate.$,
  [Command.cdAll]: CdAllInvalidate.$,
  [Command.nhAll]: NhAll.$,
  [Command.nhAsid]: NhAsid.$,
  [Command.nhVa]: NhVa.$,
  [Command.nhVaa]: NhVaa.$,
  [Command.el2All]: El2All.$,
  [Command.el2Asid]: El2Asid.$,
  [Command.el2Va]: El2Va.$,
  [Command.el2Vaa]: El2Vaa.$,
  [Command.s12VmAll]: S12VmAll.$,
  [Command.s2Ipa]: S2Ipa.$,
  [Command.nsnhAll]: NsnhAll.$,
  [Command.atcInv]: AtcInvalidate.$,
  [Command.priResp]: PageResponse.$,
  [Command.resume]: Resume.$,
  [Command.stallTerm]: StallTerminate.$,
  [Command.sync]: Sync.$,
};
