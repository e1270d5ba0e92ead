/**
 * SMMUv3 commands, one by one: 128 bits each, the opcode in bits 7:0.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 4.2 to 4.7. Those of the secure and realm queues, of MPAM and
 * of device permission tables are not described.
 */
import { bit, bits } from "../../bits/field.js";
import { type About, layout } from "../../bits/layout.js";
import { about, Command, leaf, op, page, sid, ssec, ssid, ssv } from "./command_fields.js";
import {
  El2All,
  El2Asid,
  El2Va,
  El2Vaa,
  NhAll,
  NhAsid,
  NhVa,
  NhVaa,
  NsnhAll,
  S2Ipa,
  S12VmAll,
} from "./tlb_commands.js";

export { Command } from "./command_fields.js";
export * from "./tlb_commands.js";

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
