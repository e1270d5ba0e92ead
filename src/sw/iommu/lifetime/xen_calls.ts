/**
 * Calls by which pages leave a domain of Xen, or come to it, while a device that was passed through to it works on.
 *
 * Source: Xen xen/common/memory.c (decrease_reservation, populate_physmap, memory_exchange), xen/common/grant_table.c
 * (gnttab_transfer), xen/common/domain.c (domain_kill, relinquish); D2; XSA-346 (references until the flush).
 */

import { contextOf, deviceTlbPages, iotlbDomain, iotlbPages } from "./flushes.js";
import type { Site } from "./give_back.js";
import type { ProtocolStep } from "./protocol.js";
import { ask, awaited, change, clear, flushed, release } from "./steps.js";

/** What keeps a page until nothing leads to it: nothing, the caller who waits, or references of the IOMMU's table. */
export type Held = "by nothing" | "by the wait" | "by references";

export interface Leaving {
  readonly site: Site;
  readonly held: Held;
  /** The device has a TLB of its own. */
  readonly hasTlb: boolean;
}

/** Behind the change of an entry: the flush, and the page's going, in the order that `held` says. */
function goes({ site, held, hasTlb }: Leaving, name: string): readonly ProtocolStep[] {
  const { page } = site;
  const descriptors = [iotlbPages(site), ...(hasTlb ? [deviceTlbPages(site)] : [])];
  const flush = [ask({ name: "ask", descriptors }), awaited, flushed(page)];
  const back = { ...release({ page, keeps: held === "by references" ? "references" : "nothing" }), name };
  return held === "by the wait" ? [...flush, back] : [back, ...flush];
}

/** XENMEM_decrease_reservation: the guest gives a page back. */
export const decreaseReservation = (o: Leaving): readonly ProtocolStep[] => [
  clear(o.site),
  ...goes(o, "give the page back"),
];

/** GNTTABOP_transfer: the guest gives a page to another domain. */
export const transfer = (o: Leaving): readonly ProtocolStep[] => [
  { ...clear(o.site), name: "take the page from the guest" },
  ...goes(o, "give the page to the other domain"),
];

/** XENMEM_exchange: another page stands at the frame, at once: the entry is never empty. */
export const exchange = (
  o: Leaving & { readonly by: number; readonly entry: ArrayLike<number> },
): readonly ProtocolStep[] => [
  change("put another page at the frame", ({ memory, book }) => {
    memory.store(o.site.leafAt, o.entry);
    book.map(o.by);
    book.unmap(o.site.page);
  }),
  ...goes(o, "give the old page back"),
];

/** XENMEM_populate_physmap: an entry that was empty; nothing keeps what is not present, so nothing is flushed. */
export const populate = (o: { readonly leafAt: number; readonly page: number; readonly entry: ArrayLike<number> }) =>
  change("put a page at the frame", ({ memory, book }) => {
    memory.store(o.leafAt, o.entry);
    book.map(o.page);
  });

export interface Dying extends Leaving {
  /** The page of its lowest table, which goes as well; null where it is no page of the book. */
  readonly tablePage: number | null;
}

/** A domain dies: its device is taken from it; its pages and the pages of its tables go. */
export function destroyDomain({ site, held, hasTlb, tablePage }: Dying): readonly ProtocolStep[] {
  const { did, requester, contextAt } = site;
  const pages = [site.page, ...(tablePage === null ? [] : [tablePage])];
  const inDevice = hasTlb ? [deviceTlbPages(site)] : [];
  const descriptors = [contextOf({ did, requester }), iotlbDomain(did), ...inDevice];
  const flush = [
    ask({ name: "ask", descriptors }),
    awaited,
    change("done", (k, s) => {
      for (const page of pages) flushed(page).does(k, s);
    }),
  ];
  const keeps = held === "by references" ? "references" : "nothing";
  const back = change("give all of its pages back", (k, s) => {
    for (const page of pages) release({ page, keeps }).does(k, s);
  });
  return [
    change("clear the device's entry", ({ memory, book }) => {
      memory.store(contextAt, [0, 0, 0, 0]);
      for (const page of pages) book.unmap(page);
    }),
    ...(held === "by the wait" ? [...flush, back] : [back, ...flush]),
  ];
}
