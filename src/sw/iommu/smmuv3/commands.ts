/**
 * Commands as the driver of an SMMUv3 writes them.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_cmdq_build_cmd, arm_smmu_atc_inv_to_cmd).
 */
import { type Field, write } from "../../../bits/field.js";
import * as C from "../../../spec/smmuv3/command_layouts.js";
import { allFrames, type Covering } from "../covering.js";

const { Command } = C;

function composed<L extends object>(layout: L, values: { readonly [K in keyof L]?: number }): Uint32Array {
  const w = new Uint32Array(4);
  for (const [name, value] of Object.entries(values)) write(w, 0, layout[name as keyof L] as Field, value as number);
  return w;
}

/** Entries of all streams. */
export const forgetAllStreams = () => composed(C.SteRangeInvalidate, { op: Command.steRange, range: 31 });

export const forgetStream = (sid: number) => composed(C.SteInvalidate, { op: Command.ste, sid, leaf: 1 });

export const forgetContext = (sid: number) => composed(C.CdInvalidate, { op: Command.cd, sid, leaf: 1 });

/** Translations of all that is not a hypervisor's own. */
export const forgetTranslations = () => composed(C.NsnhAll, { op: Command.nsnhAll });

export const forgetSpace = (asid: number) => composed(C.NhAsid, { op: Command.nhAsid, asid });

/** All of a guest: what both stages gave, and what the second alone. */
export const forgetGuest = (vmid: number) => composed(C.S12VmAll, { op: Command.s12VmAll, vmid });

/** What both stages gave of a guest, whatever its ASIDs. */
export const forgetFirstStages = (vmid: number) => composed(C.NhAll, { op: Command.nhAll, vmid });

/** Pages of a guest's own addresses, as the second stage alone gave them. */
export const forgetGuestPages = (o: {
  readonly vmid: number;
  readonly page: number;
  readonly num: number;
  readonly scale: number;
  readonly tg: number;
  readonly ttl: number;
  readonly leaf: 0 | 1;
}) => composed(C.S2Ipa, { op: Command.s2Ipa, ...o });

/** @param o.leaf no table was unlinked @param o.ttl the level of the leaves; 0: any */
export const forgetPages = (o: {
  readonly asid: number;
  readonly page: number;
  readonly num: number;
  readonly scale: number;
  readonly tg: number;
  readonly ttl: number;
  readonly leaf: 0 | 1;
}) => composed(C.NhVa, { op: Command.nhVa, ...o });

export const askDevice = (sid: number, { page, lg2 }: Covering) =>
  composed(C.AtcInvalidate, { op: Command.atcInv, sid, size: Math.min(lg2, allFrames.lg2), page });

/** @param at where the unit stores zeros when all before it is done */
export const sync = (at: number) =>
  composed(C.Sync, { op: Command.sync, cs: C.Completion.interrupt, msh: 3, msiAttr: 15, msiAddress: at / 4 });
