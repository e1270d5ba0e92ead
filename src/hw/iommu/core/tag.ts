/** What cached translations are told apart by. */

/** Whose translation it is. */
export interface Tag {
  /** VT-d DID, AMD-Vi DomainID, SMMUv3 VMID, with the regime above it. */
  readonly domain: number;
  /** VT-d and AMD-Vi PASID, SMMUv3 ASID, of what a first stage gave; null where only a second stage did. */
  readonly space: number | null;
  /** Global translations count for the spaces of one domain that have the same number here (SMMUv3 ASET). */
  readonly globals: 0 | 1;
}

/** A space as a cell holds it: 0 = none. */
export const spaceWord = (space: number | null) => (space === null ? 0 : space + 1);

/** What invalidations of translations and of cached tables ask for; what is left out is not asked. */
export interface SpaceScope {
  readonly domain?: number;
  /** Bits of the domain that are not compared. */
  readonly ignored?: number;
  /** null: of second stages only. `any`: of first stages, alone or with a second one. */
  readonly space?: number | null | "any";
  /** Frames, both included. */
  readonly first?: number;
  readonly last?: number;
  /** log2 of the granule of the tables that gave it. */
  readonly granuleLg2?: number;
}

/** Whose it must be. @param space as a cell holds it */
export function isOf({ domain, ignored = 0, space }: SpaceScope, ofDomain: number, ofSpace: number): boolean {
  if (domain !== undefined && ((ofDomain ^ domain) & ~ignored) !== 0) return false;
  if (space === undefined) return true;
  return space === "any" ? ofSpace !== 0 : ofSpace === spaceWord(space);
}
