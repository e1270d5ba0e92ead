/**
 * Pages of a front end that stay granted: data is copied into and out of them, so that the back end need not map anew.
 * Source: Linux drivers/block/xen-blkfront.c (get_grant, fill_grant_buffer, blkif_copy_from_grant).
 */
import { frameBytes, type Pfn } from "../../base/frame.js";
import type { Grants, Guest } from "../xen/index.js";

export interface Lent {
  readonly ref: number;
  readonly page: Pfn;
}

export class PersistentPages {
  readonly #guest: Guest;
  readonly #grants: Grants;
  readonly #backend: number;
  readonly #free: Lent[] = [];

  constructor(guest: Guest, grants: Grants, backend: number) {
    this.#guest = guest;
    this.#grants = grants;
    this.#backend = backend;
  }

  /** A page that is granted for reading and writing. */
  take(): Lent {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const page = this.#grants.takeShared();
    return { page, ref: this.#grants.grant(this.#backend, page, false) };
  }

  give(lent: Lent): void {
    this.#free.push(lent);
  }

  /** Copy bytes of a page to the same place in another. */
  copy(o: { readonly from: Pfn; readonly to: Pfn; readonly offset: number; readonly size: number }): void {
    this.#guest.memory.copy({ from: o.from * frameBytes + o.offset, to: o.to * frameBytes + o.offset, count: o.size });
  }

  /** Take all grants back; the back end has unmapped them. @returns false when one was still in use. */
  close(): boolean {
    return !this.#free
      .splice(0)
      .map(({ ref, page }) => this.#grants.endAccessAndFree(ref, page))
      .includes(false);
  }
}
