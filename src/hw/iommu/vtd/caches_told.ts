/**
 * What each descriptor, and each command by registers, makes a VT-d unit forget.
 *
 * Source: VT-d 4.1, 6.5.2 (descriptors), 6.5.1 (registers). A page-selective invalidation covers each cached page that it
 * touches; a superpage is one entry and goes as a whole.
 */
import type { UnitCaches } from "../core/caches.js";

/** Granularity of context-cache and IOTLB invalidations. */
export const Grain = { all: 1, domain: 2, selective: 3 } as const;

/** Context entries; the PASID cache and the IOTLB are software's to invalidate after it. @param fm bits of the function left out */
export function forgetContexts(caches: UnitCaches, o: { g: number; did: number; sid: number; fm: number }): void {
  const { g, did, sid, fm } = o;
  if (g === Grain.all) caches.devices.invalidate({});
  else if (g === Grain.domain) caches.devices.invalidate({ domain: did });
  else caches.devices.invalidate({ requester: sid, ignored: [0, 4, 6, 7][fm]!, domain: did });
}

/** @param page the first frame; @param am log2 of how many; @param ih cached tables stay */
export function forgetTranslations(
  caches: UnitCaches,
  o: { g: number; did: number; page: number; am: number; ih: boolean },
): void {
  const { g, did: domain } = o;
  if (g === Grain.all) {
    caches.translations.invalidate({});
    caches.tables.invalidate({});
  } else if (g === Grain.domain) {
    caches.translations.invalidate({ domain });
    caches.tables.invalidate({ domain });
  } else {
    const range = pages(o.page, o.am);
    caches.translations.invalidate({ domain, space: null, ...range });
    // What both stages gave is told apart by the first one's addresses, so all of the domain's goes.
    caches.translations.invalidate({ domain, composed: true });
    if (!o.ih) caches.tables.invalidate({ domain, space: null, ...range });
  }
}

/** Of one PASID. */
export function forgetSpace(
  caches: UnitCaches,
  o: { isPaged: boolean; did: number; pasid: number; page: number; am: number; ih: boolean },
): void {
  const scope = { domain: o.did, space: o.pasid };
  const range = o.isPaged ? pages(o.page, o.am) : {};
  caches.translations.invalidate({ ...scope, ...range, globals: o.isPaged });
  if (!(o.isPaged && o.ih)) caches.tables.invalidate({ ...scope, ...range });
}

/**
 * PASID entries. Those of requests without PASID go with RID_PASID, which they count as: VT-d 4.1, 6.5.2.2.
 * @param g 0 = of one domain, 1 = one PASID of it, 3 = all
 */
export function forgetPasids(caches: UnitCaches, o: { g: number; did: number; pasid: number }): void {
  if (o.g === 3) caches.spaces.invalidate({});
  else if (o.g === 0) caches.spaces.invalidate({ domain: o.did });
  else caches.spaces.invalidate({ domain: o.did, counts: o.pasid });
}

const pages = (page: number, am: number) => {
  const first = page - (page % 2 ** am);
  return { first, last: first + 2 ** am - 1 };
};
