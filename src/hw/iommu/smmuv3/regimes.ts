/**
 * Tags of an SMMUv3's cached translations: the translation regime, the VMID, the ASID.
 *
 * Source: IHI 0070 G, 3.17 (tags by StreamWorld), 3.17.1 (global entries, ASET), 5.2 (STRW).
 */
import { read } from "../../../bits/field.js";
import { ContextDescriptor as Cd } from "../../../spec/smmuv3/context_descriptor.js";
import { StreamEntry as Ste, StreamConfig } from "../../../spec/smmuv3/stream_table.js";
import type { EntryRead } from "../../../table/device/index.js";
import type { Tag } from "../core/tag.js";

/** Domains beyond all VMIDs: hypervisors' own streams, without ASIDs (EL2) and with them (EL2-E2H). */
export const hypervisorDomain = 0x1_0000;
export const hostDomain = 0x2_0000;
/** Bits of a VMID. */
export const vmidBits = 0xffff;

/** The words of a structure that was read on the way; undefined when it was not. */
export const wordsOf = (entries: readonly EntryRead[], about: EntryRead["about"]): Uint32Array | undefined =>
  entries.find((e) => e.about === about)?.words;

/**
 * @param entries that led to the translation
 * @param has what the unit has: a second stage (otherwise there are no VMIDs), ASIDs for hypervisors (CR2.E2H)
 */
export function tagOf(
  entries: readonly EntryRead[],
  usesFirst: boolean,
  has: { readonly second: boolean; readonly e2h: boolean },
): Tag {
  const ste = wordsOf(entries, Ste.$);
  const cd = wordsOf(entries, Cd.$);
  const domain = ste === undefined || !has.second ? 0 : read(ste, 0, Ste.s2Vmid);
  if (!usesFirst || ste === undefined || cd === undefined) return { domain, space: null, globals: 0 };
  const space = read(cd, 0, Cd.asid);
  const globals = read(cd, 0, Cd.aset);
  if (read(ste, 0, Ste.config) !== StreamConfig.first || read(ste, 0, Ste.strw) !== 2)
    return { domain, space, globals };
  return has.e2h ? { domain: hostDomain, space, globals } : { domain: hypervisorDomain, space: 0, globals: 0 };
}
