/**
 * What a VT-d unit looks at in a context entry of legacy mode.
 *
 * Source: VT-d 4.1, 9.3.
 */
import { read } from "../../../../bits/field.js";
import { ContextEntry as E, TranslationType } from "../../../../spec/vtd/context_entry.js";
import type { EntryFormat } from "../entry_format.js";

const isPresent = (e: Uint32Array) => read(e, 0, E.p) === 1;

export const vtdContext: Readonly<EntryFormat> = {
  about: E.$,
  present: E.p,
  blocking: [],
  uses: [
    { fields: [E.p, E.fpd] },
    { when: isPresent, fields: [E.tt, E.did, E.aw] },
    { when: (e) => isPresent(e) && read(e, 0, E.tt) !== TranslationType.passThrough, fields: [E.frame] },
  ],
  harmless: [],
};
