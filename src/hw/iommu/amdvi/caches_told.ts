/**
 * What each command makes an AMD-Vi unit forget.
 *
 * Source: AMD IOMMU 48882, 2.4.2, 2.4.3, 2.4.6. A range covers each cached page that it touches. Where both stages were
 * walked, what is cached is told apart by guest addresses: a range of the host's addresses takes all of the domain's.
 */
import type { UnitCaches } from "../core/caches.js";
import { sizedRange } from "../core/sized_range.js";

/** A device's entry, and what was found by it of its PASIDs. */
export function forgetDevice(caches: UnitCaches, requester: number): void {
  caches.devices.invalidate({ requester });
  caches.spaces.invalidate({ requester });
}

/** @param o.pasid null: of host addresses @param o.directories tables, and of a PASID what leads to them, go as well */
export function forgetPages(
  caches: UnitCaches,
  o: {
    readonly did: number;
    readonly pasid: number | null;
    readonly page: number;
    readonly isSized: boolean;
    readonly directories: boolean;
  },
): void {
  const { did: domain, pasid: space } = o;
  const range = rangeOf(o.page, o.isSized);
  caches.translations.invalidate({ domain, space, ...range });
  if (space === null) caches.translations.invalidate({ domain, composed: true });
  if (!o.directories) return;
  caches.tables.invalidate({ domain, space, ...range });
  caches.spaces.invalidate(space === null ? { domain } : { domain, pasid: space });
  // Requests without PASID that use PASID 0 (GIOV) are cached as what they are.
  if (space === 0) caches.spaces.invalidate({ domain, pasid: null });
}

/** A range of every domain: nobody named one. */
export function forgetRange(caches: UnitCaches, o: { readonly page: number; readonly isSized: boolean }): void {
  const range = rangeOf(o.page, o.isSized);
  caches.translations.invalidate(range);
  caches.translations.invalidate({ composed: true });
}

function rangeOf(page: number, isSized: boolean): { readonly first: number; readonly last: number } {
  const { frame, frameCount } = sizedRange(page, isSized);
  return { first: frame, last: frame + frameCount - 1 };
}
