/**
 * What happens to a page of ours when another domain's frame stands in for it, and when it leaves: the rules of an era.
 * Source: as eras.ts.
 */

import { frameBytes } from "../../../base/frame.js";
import type { GrantStatus } from "../../../spec/xen/grant_op.js";
import { foreignBit } from "../../../spec/xen/p2m_entry.js";
import { unmapAndReplace, unmapGrants } from "../grant/unmap.js";
import type { Steps } from "../steps.js";
import type { Era } from "./eras.js";
import type { ForeignPage } from "./foreign_page.js";
import type { Guest } from "./guest.js";

const pageBytes = frameBytes;

/** What was under a page before: its own frame and its table entry. */
interface Saved {
  readonly frame: number;
  readonly entry: { readonly low: number; readonly upper: number } | null;
}

export class Stand {
  readonly #guest: Guest;
  readonly #era: Era;
  readonly #saved = new Map<number, Saved>();
  /** 2013: a page whose frame is under every page that nothing stands in for. */
  #scratch = -1;

  constructor(guest: Guest, era: Era) {
    this.#guest = guest;
    this.#era = era;
  }

  /** Before the map: remember what is there. */
  prepare(page: number): void {
    const { p2m, d } = this.#guest;
    this.#saved.set(page, { frame: d.map.frameOf(page), entry: p2m === null ? null : p2m.entry(page) });
  }

  /** After the map: note the foreign frame. @returns false when the page map has no room. */
  place(page: number, frame: number): boolean {
    if (!this.#guest.setForeign(page, frame, this.#era.flagged)) return false;
    if (!this.#era.overrides) return true;
    this.#guest.override.add(frame, page);
    this.#markLocal(frame, true);
    return true;
  }

  /** The map did not happen, or was taken back. */
  undo(page: number): void {
    const saved = this.#saved.get(page);
    this.#saved.delete(page);
    if (saved !== undefined) this.#putBack(page, saved);
  }

  /** Unmap and put back. @returns a status for each. */
  *takeAway(pages: readonly ForeignPage[]): Steps<GrantStatus[]> {
    const { h, d } = this.#guest;
    const replaces = this.#era.restore === "replace" && !h.bugs["restore-window"];
    const requests = pages.map((p) => ({ handle: p.handle, page: p.page, bus: p.bus }));
    const statuses = replaces
      ? requests.map((o) => unmapAndReplace(h, d, o, this.#scratchPage()))
      : unmapGrants(h, d, requests);
    yield "the grants are unmapped";
    pages.forEach((p, n) => {
      if (statuses[n] !== 0) return;
      const frame = p.bus / pageBytes;
      this.#guest.clearForeign(p.page);
      if (this.#era.overrides && this.#guest.override.remove(frame, p.page)) this.#markLocal(frame, false);
      this.undo(p.page);
    });
    return statuses;
  }

  #putBack(page: number, saved: Saved): void {
    const { p2m, h, d } = this.#guest;
    if (saved.entry !== null) p2m?.restore(page, saved.entry);
    if (saved.frame >= 0 && d.map.frameOf(page) !== saved.frame && !d.rules.translated) {
      h.setMapping(d, page, saved.frame);
    }
  }

  /** A frame of our own, mapped from ourselves: its own page's entry is flagged too, so that the reverse finds the other. */
  #markLocal(frame: number, on: boolean): void {
    const { p2m, h, domain } = this.#guest;
    if (p2m === null || h.bugs["loop-back"] || !h.frames.ownedBy(frame, domain)) return;
    p2m.set(h.frames.m2p[frame]!, frame, on ? foreignBit : 0);
  }

  #scratchPage(): number {
    if (this.#scratch < 0) this.#scratch = this.#guest.allocPages(0) ?? -1;
    return this.#scratch;
  }
}
