/** Pages where scenarios want them: another domain's at a page of domain 0, and own ones on frames of an odd place. */
import { MapFlag } from "../../spec/xen/grant_op.js";
import { type Guest, mapGrant } from "../../sw/xen/index.js";
import { page, type XenStage } from "./stage.js";

/** Another domain's page at a page of domain 0; where no page is named, at one that the pages for such things give. */
export function lend(s: XenStage, at: { readonly guestPage: number; readonly page?: number }) {
  const ref = s.grants.grant(0, at.guestPage as Parameters<typeof s.grants.grant>[1], false);
  if (at.page === undefined) {
    const [got] = s.foreign.map([{ domain: 1, ref, readOnly: false }]);
    return { ref, page: got!.page as number, bus: got!.bus, mapped: got! };
  }
  const { bus } = mapGrant(s.h, s.d0, { flags: MapFlag.host, domain: 1, ref, page: at.page });
  s.back.setForeign(at.page, bus / page, true);
  return { ref, page: at.page, bus, mapped: null };
}

/**
 * A buffer of two pages on frames in one piece that begin at an odd one: the frames of a region of four, moved by one.
 * A paravirtualised guest may put its frames under its pages as it likes.
 */
export function oddlyPlaced(guest: Guest): number {
  const region = guest.allocPages(2)!;
  guest.createContiguous(region * page, 2, 32);
  const buffer = guest.allocPages(1)!;
  for (const k of [0, 1]) swapFrames(guest, buffer + k, region + 1 + k);
  return buffer * page;
}

function swapFrames(guest: Guest, a: number, b: number): void {
  const { h, d } = guest;
  const frames = [d.map.frameOf(a), d.map.frameOf(b)] as const;
  const pages = [b, a] as const;
  for (const p of pages) h.setMapping(d, p, -1);
  for (const [n, p] of pages.entries()) {
    guest.p2m!.set(p, frames[n]!);
    h.setM2p(d, frames[n]!, p);
    h.setMapping(d, p, frames[n]!);
  }
}
