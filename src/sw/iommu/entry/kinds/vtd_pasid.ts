/**
 * Entries of a PASID table as Linux makes them, by what a device or one of its PASIDs is attached to.
 *
 * Source: Linux drivers/iommu/intel/pasid.c (pasid_pte_config_first_level, -second_level, -pass_through, -nested).
 */
import { PasidEntry as E, PasidTranslation } from "../../../../spec/vtd/pasid.js";
import { entryOf, type FieldValue } from "../fields.js";

/** What an entry leads to: frames of tables, and the tag. */
export interface PasidContents {
  readonly did: number;
  readonly first: number;
  readonly second: number;
}

/** Of identity and of all address spaces of processes, which PASIDs tell apart (FLPT_DEFAULT_DID). */
export const sharedDid = 1;
const present = [E.p, 1] as const;
const fourLevels = [E.aw, 2] as const;
const snoops = [E.pwsnp, 1] as const;

const firstStage = ({ first }: PasidContents): readonly FieldValue[] => [
  [E.fsFrame, first],
  [E.nxe, 1],
  [E.wpe, 1],
];

export const pasidKinds = {
  blocked: { title: "blocked", fields: () => [] },
  pt: {
    title: "identity (pass-through)",
    fields: () => [present, fourLevels, snoops, [E.pgtt, PasidTranslation.passThrough], [E.did, sharedDid]],
  },
  ss: {
    title: "second stage",
    fields: ({ did, second }) => [
      ...[present, fourLevels, snoops, [E.pgtt, PasidTranslation.second] as const],
      ...([
        [E.did, did],
        [E.ssFrame, second],
      ] as const),
    ],
  },
  fs: {
    title: "first stage",
    fields: (c) => [
      ...[present, fourLevels, snoops, [E.pgtt, PasidTranslation.first] as const, [E.did, c.did] as const],
      ...firstStage(c),
    ],
  },
  sva: {
    title: "a process's tables",
    fields: (c) => [
      ...[present, fourLevels, snoops, [E.pgtt, PasidTranslation.first] as const, [E.did, sharedDid] as const],
      ...firstStage(c),
    ],
  },
  nested: {
    title: "both stages",
    fields: (c) => [
      ...[present, fourLevels, snoops, [E.pgtt, PasidTranslation.nested] as const, [E.did, c.did] as const],
      ...[[E.ssFrame, c.second] as const, ...firstStage(c)],
    ],
  },
} as const satisfies Readonly<Record<string, { title: string; fields: (c: PasidContents) => readonly FieldValue[] }>>;
export type PasidKindName = keyof typeof pasidKinds;

export const pasidEntry = (kind: PasidKindName, contents: PasidContents): Uint32Array =>
  entryOf(E.$, pasidKinds[kind].fields(contents));
