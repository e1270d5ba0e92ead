/**
 * Whose caches may hold translations of a domain, of an SMMUv3: a sorted array with the users of each, which unmappings read.
 * They take no lock, and so it never moves under them: what is to get more is made anew, and what leaves stands as trash
 * until it is made anew.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3 of 7.0 (struct arm_smmu_invs, arm_smmu_invs_merge, -_unref, -_purge).
 */
import { Misuse } from "../../../base/assert.js";

/** What is told, in the order in which it is: what devices keep goes last. */
export const invalidationKinds = ["asid", "vmid", "vmid-first-stage", "ats", "ats-full"] as const;
export type InvalidationKind = (typeof invalidationKinds)[number];

/** Whose caches. */
export interface Whose {
  /** A number of the unit's. */
  readonly unit: number;
  readonly kind: InvalidationKind;
  /** ASID, VMID or stream. */
  readonly id: number;
  /** Of a stream; 0 where there are none. */
  readonly substream: number;
}

export interface Invalidation extends Whose {
  /** Attachments that need it; 0: trash. */
  readonly users: number;
}

export interface Invalidations {
  readonly list: readonly Invalidation[];
  /** Entries of the list that nobody needs; those at its end are cut off at once. */
  readonly trash: number;
}

export const noInvalidations: Invalidations = { list: [], trash: 0 };

/** A new array with what both need: what stands in both has one user more. Trash does not get into it. */
export function merge(invs: Invalidations, more: readonly Whose[]): Invalidations {
  const added = more.map((whose) => ({ ...whose, users: 1 })).sort(compare);
  const list: Invalidation[] = [];
  for (const entry of [...invs.list.filter((e) => e.users > 0), ...added].sort(compare)) {
    const last = list.at(-1);
    if (last === undefined || compare(last, entry) !== 0) list.push(entry);
    else list[list.length - 1] = { ...last, users: last.users + entry.users };
  }
  return { list, trash: 0 };
}

/**
 * Each has one user less.
 * @returns the array, and of whom nobody is left: those are to be flushed before their numbers serve again
 * @throws Misuse `no-user` for one that does not stand there, or that nobody uses
 */
export function unref(
  invs: Invalidations,
  less: readonly Whose[],
): { readonly invs: Invalidations; readonly unused: readonly Whose[] } {
  const list = [...invs.list];
  const unused: Whose[] = [];
  for (const whose of less) {
    const at = list.findIndex((e) => e.users > 0 && compare(e, whose) === 0);
    if (at < 0) throw new Misuse("no-user", `${whose.kind} ${whose.id} is used by nobody`);
    list[at] = { ...list[at]!, users: list[at]!.users - 1 };
    if (list[at].users === 0) unused.push(whose);
  }
  while (list.at(-1)?.users === 0) list.pop();
  return { invs: { list, trash: list.filter((e) => e.users === 0).length }, unused };
}

/** A new array without trash. */
export const purge = (invs: Invalidations): Invalidations => merge(invs, []);

function compare(a: Whose, b: Whose): number {
  const kind = (w: Whose) => invalidationKinds.indexOf(w.kind);
  return a.unit - b.unit || kind(a) - kind(b) || a.id - b.id || a.substream - b.substream;
}
