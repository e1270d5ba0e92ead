/** What cached translations are told apart by. */

/** Whose translation it is. */
export interface Tag {
  /** VT-d DID, AMD-Vi DomainID, SMMUv3 VMID. */
  readonly domain: number;
  /** VT-d and AMD-Vi PASID, SMMUv3 ASID, of what a first stage gave; null where only a second stage did. */
  readonly space: number | null;
}

/** A space as a cell holds it: 0 = none. */
export const spaceWord = (space: number | null) => (space === null ? 0 : space + 1);
