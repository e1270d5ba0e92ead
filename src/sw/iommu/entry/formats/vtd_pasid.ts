/**
 * What a VT-d unit looks at in an entry of a PASID table.
 *
 * Source: VT-d 4.1, 9.6, and 7.1.3 for what is not looked at where P is 0.
 */
import { read } from "../../../../bits/field.js";
import { PasidEntry as E, PasidTranslation } from "../../../../spec/vtd/pasid.js";
import type { EntryFormat } from "../entry_format.js";

const { first, second, nested } = PasidTranslation;
const isPresent = (e: Uint32Array) => read(e, 0, E.p) === 1;
const is = (e: Uint32Array, ...kinds: readonly number[]) => isPresent(e) && kinds.includes(read(e, 0, E.pgtt));

export const vtdPasid: Readonly<EntryFormat> = {
  about: E.$,
  present: E.p,
  blocking: [],
  uses: [
    { fields: [E.p, E.fpd] },
    { when: isPresent, fields: [E.pgtt, E.did, E.pwsnp, E.pgsnp, E.cd] },
    { when: (e) => is(e, second, nested), fields: [E.aw, E.slee, E.ssade, E.ssFrame] },
    {
      when: (e) => is(e, first, nested),
      fields: [E.sre, E.ere, E.fspm, E.wpe, E.nxe, E.smep, E.eafe, E.emte, E.emt, E.pwt, E.pcd, E.pat, E.fsFrame],
    },
  ],
  harmless: [],
};
