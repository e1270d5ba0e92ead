/**
 * Stream table entries as Linux makes them, by what a stream is attached to.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_make_abort_ste, -bypass_ste, -cdtable_ste,
 * -s2_domain_ste), arm-smmu-v3-iommufd.c (arm_smmu_make_nested_cd_table_ste).
 */
import { DefaultSubstream, StreamEntry as E, StreamConfig } from "../../../../spec/smmuv3/stream_table.js";
import { entryOf, type FieldValue } from "../fields.js";

/** What decides how entries are made, besides what they are for. */
export interface StreamFeatures {
  /** IDR1.ATTR_TYPES_OVR: shareability can be overridden, so that "as it came" is to be said. */
  readonly overrides: boolean;
  /** IDR0.STALL_MODEL: first stages may stall, so that it is to be said of those that may not. */
  readonly stalls: boolean;
}

/** A table of context descriptors: where, how many, in which form. */
export interface ContextTable {
  /** In units of 64 bytes. */
  readonly table: number;
  /** log2 of the descriptors. */
  readonly max: number;
  /** 0 linear, 1 and 2 of two levels. */
  readonly format: number;
}

/** A second stage, field by field. */
export interface SecondStage {
  readonly vmid: number;
  /** In units of 16 bytes. */
  readonly ttb: number;
  readonly ps: number;
  readonly tg: number;
  readonly sh: number;
  readonly or: number;
  readonly ir: number;
  readonly sl: number;
  readonly tsz: number;
}

export interface StreamContents {
  readonly contexts: ContextTable;
  /** A larger one. */
  readonly otherContexts: ContextTable;
  readonly second: SecondStage;
  /** That of another domain. */
  readonly otherSecond: SecondStage;
}

/** What a stream is attached to. */
export interface StreamKind {
  readonly title: string;
  readonly config: number;
  /** Without substream. Left out: no first stage. */
  readonly s1Dss?: number;
  readonly ats?: boolean;
  /** Faults of it stall. */
  readonly stalls?: boolean;
  /** Its second stage is that of another domain. */
  readonly isOther?: true;
  /** Its table of descriptors is the larger one. */
  readonly isLarger?: true;
  /** Its guest lets events be merged. */
  readonly mev?: boolean;
}

const { abort, bypass, first, second, nested } = StreamConfig;
const { terminate, bypass: pass, substream0 } = DefaultSubstream;

export const streamKinds = {
  abort: { title: "blocked", config: abort },
  bypass: { title: "identity", config: bypass },
  s1: { title: "first stage, ATS", config: first, s1Dss: substream0, ats: true },
  s1larger: {
    title: "first stage, a larger table of descriptors",
    ...{ config: first, s1Dss: substream0, ats: true, isLarger: true },
  },
  s1noats: { title: "first stage, no ATS", config: first, s1Dss: substream0 },
  s1term: { title: "blocked, with substreams", config: first, s1Dss: terminate, ats: true },
  s1dssbyp: { title: "identity, with substreams", config: first, s1Dss: pass, ats: true },
  s2: { title: "second stage, ATS", config: second, ats: true },
  s2noats: { title: "second stage, no ATS", config: second },
  nested: { title: "both stages", config: nested, s1Dss: substream0, ats: true, mev: true },
  nestedbyp: { title: "both stages, the guest's identity", config: nested, s1Dss: pass, ats: true, mev: true },
  s2other: { title: "another second stage, ATS", config: second, ats: true, isOther: true },
  nestedother: {
    title: "both stages, another second one",
    ...{ config: nested, s1Dss: substream0, ats: true, mev: true, isOther: true },
  },
  s2stall: { title: "second stage that stalls", config: second, stalls: true },
} as const satisfies Readonly<Record<string, StreamKind>>;
export type StreamKindName = keyof typeof streamKinds;

const incoming = 1;

export function streamEntry(kind: StreamKind, o: StreamContents, features: StreamFeatures): Uint32Array {
  const { config, s1Dss, ats = false, stalls = false, mev = false } = kind;
  const usesSecond = config === second || config === nested;
  const saysShareability = config === bypass || usesSecond || s1Dss === pass;
  const values: FieldValue[] = [
    [E.v, 1],
    [E.config, config],
    [E.eats, ats ? 1 : 0],
    [E.mev, mev ? 1 : 0],
    [E.shCfg, features.overrides && saysShareability && isOwnToSay(config, s1Dss) ? incoming : 0],
  ];
  if (s1Dss !== undefined)
    values.push(...firstOf(kind.isLarger === true ? o.otherContexts : o.contexts, s1Dss, features.stalls && !stalls));
  if (usesSecond)
    values.push(...secondOf(kind.isOther === true ? o.otherSecond : o.second, config === second && stalls));
  return entryOf(E.$, values);
}

/** Of both stages the guest's own bits say it, as far as they do. */
const isOwnToSay = (config: number, s1Dss: number | undefined) => config !== nested || s1Dss === pass;

function firstOf({ table, max, format }: ContextTable, s1Dss: number, neverStalls: boolean): readonly FieldValue[] {
  return [
    [E.s1Fmt, format],
    [E.s1Context, table],
    [E.s1CdMax, max],
    [E.s1Dss, s1Dss],
    [E.s1Cir, 1],
    [E.s1Cor, 1],
    [E.s1Csh, 3],
    [E.s1StallD, neverStalls ? 1 : 0],
  ];
}

function secondOf({ vmid, ttb, ps, tg, sh, or, ir, sl, tsz }: SecondStage, stalls: boolean): readonly FieldValue[] {
  return [
    [E.s2Vmid, vmid],
    [E.s2T0sz, tsz],
    [E.s2Sl0, sl],
    [E.s2Ir0, ir],
    [E.s2Or0, or],
    [E.s2Sh0, sh],
    [E.s2Tg, tg],
    [E.s2Ps, ps],
    [E.s2Aa64, 1],
    [E.s2Ptw, 1],
    [E.s2S, stalls ? 1 : 0],
    [E.s2R, 1],
    [E.s2Ttb, ttb],
  ];
}
