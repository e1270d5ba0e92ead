/**
 * Context entries of legacy mode as Linux and Xen make them.
 *
 * Source: Linux drivers/iommu/intel/iommu.c (domain_context_mapping_one, context_set_*); Xen drivers/passthrough/vtd/iommu.c
 * (domain_context_mapping_one).
 */
import { ContextEntry as E, TranslationType } from "../../../../spec/vtd/context_entry.js";
import { entryOf, type FieldValue } from "../fields.js";

export interface ContextContents {
  readonly did: number;
  readonly table: number;
  readonly ats: boolean;
}

/** Four levels. */
const width = [E.aw, 2] as const;

export const contextKinds = {
  blocked: { title: "blocked", fields: () => [] },
  pt: {
    title: "identity (pass-through)",
    fields: ({ did }) => [[E.p, 1], [E.tt, TranslationType.passThrough], width, [E.did, did]],
  },
  legacy: {
    title: "second stage",
    fields: ({ did, table, ats }) => [
      ...([
        [E.p, 1],
        [E.tt, ats ? TranslationType.translateAndAts : TranslationType.translate],
        [E.frame, table],
        [E.did, did],
      ] as const),
      width,
    ],
  },
} as const satisfies Readonly<Record<string, { title: string; fields: (c: ContextContents) => readonly FieldValue[] }>>;
export type ContextKindName = keyof typeof contextKinds;

export const contextEntry = (kind: ContextKindName, contents: ContextContents): Uint32Array =>
  entryOf(E.$, contextKinds[kind].fields(contents));
