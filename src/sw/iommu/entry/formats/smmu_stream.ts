/**
 * What an SMMUv3 looks at in a stream table entry.
 *
 * Source: IHI 0070 G, 5.2 and 13.5; Linux drivers/iommu/arm/arm-smmu-v3 (arm_smmu_get_ste_used, arm_smmu_get_ste_update_safe).
 */
import { read } from "../../../../bits/field.js";
import { DefaultSubstream, StreamEntry as E, StreamConfig } from "../../../../spec/smmuv3/stream_table.js";
import type { EntryFormat } from "../entry_format.js";

const isValid = (e: Uint32Array) => read(e, 0, E.v) === 1;
const configOf = (e: Uint32Array) => (isValid(e) ? read(e, 0, E.config) : StreamConfig.abort);
const usesFirst = (e: Uint32Array) => configOf(e) === StreamConfig.first || configOf(e) === StreamConfig.nested;
const usesSecond = (e: Uint32Array) => configOf(e) === StreamConfig.second || configOf(e) === StreamConfig.nested;
const passes = (e: Uint32Array) => configOf(e) === StreamConfig.bypass;
const bypassesFirst = (e: Uint32Array) => usesFirst(e) && read(e, 0, E.s1Dss) === DefaultSubstream.bypass;
/** EATS of split stages or of device permission checks, whose answers are no plain addresses. */
const answersOtherwise = (e: Uint32Array) => read(e, 0, E.eats) === 2 || read(e, 0, E.s2S) === 1;

export const smmuStream: Readonly<EntryFormat> = {
  about: E.$,
  present: E.v,
  blocking: [],
  uses: [
    { fields: [E.v] },
    { when: isValid, fields: [E.config] },
    { when: (e) => passes(e) || usesSecond(e) || bypassesFirst(e), fields: [E.shCfg] },
    {
      when: usesFirst,
      fields: [
        ...[E.s1Fmt, E.s1Context, E.s1CdMax, E.s1Dss, E.s1Cir, E.s1Cor, E.s1Csh],
        ...[E.s1StallD, E.strw, E.eats, E.mev],
        // Without a second stage too, it is the tag of what is translated.
        E.s2Vmid,
      ],
    },
    {
      when: usesSecond,
      fields: [
        ...[E.s2Fwb, E.eats, E.mev, E.s2Vmid],
        ...[E.s2T0sz, E.s2Sl0, E.s2Ir0, E.s2Or0, E.s2Sh0, E.s2Tg, E.s2Ps],
        ...[E.s2Aa64, E.s2Endi, E.s2Ptw, E.s2S, E.s2R, E.s2Ttb],
      ],
    },
  ],
  harmless: [
    { when: () => true, field: E.mev },
    { when: (from, to) => !answersOtherwise(from) && !answersOtherwise(to), field: E.eats, bits: 1 },
  ],
};
