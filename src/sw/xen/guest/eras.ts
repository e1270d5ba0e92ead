/**
 * How Linux stood another domain's frame in for a page of its own, by era, as data.
 * Source: D0 (overwrite and restore, 2010); Linux 9b705f0e98c4 (2011), ee0726407fea (2013), arch/x86/xen/p2m.c today;
 * arch/arm/xen/p2m.c.
 */
export interface Era {
  readonly id: "2010" | "2011" | "2013" | "today";
  /** Where the page comes from. */
  readonly backing: "reserved" | "any" | "balloon" | "unpopulated";
  /** The entry of the page map carries FOREIGN. */
  readonly flagged: boolean;
  /** A table frame -> page answers the reverse that M2P gets wrong. */
  readonly overrides: boolean;
  /** What is under the page when the grant is unmapped. */
  readonly restore: "rewrite" | "replace" | "nothing";
}

export const eras: readonly Era[] = [
  { id: "2010", backing: "reserved", flagged: false, overrides: false, restore: "rewrite" },
  { id: "2011", backing: "any", flagged: true, overrides: true, restore: "rewrite" },
  { id: "2013", backing: "balloon", flagged: true, overrides: true, restore: "replace" },
  { id: "today", backing: "unpopulated", flagged: true, overrides: false, restore: "nothing" },
];

export type EraId = Era["id"];
export const eraOf = (id: EraId): Era => eras.find((era) => era.id === id)!;
