/**
 * A guest's use of its own grant table: entries as bits that the hypervisor reads at any moment.
 * Source: Linux drivers/xen/grant-table.c (gnttab_grant_foreign_access, gnttab_end_foreign_access, deferred entries).
 */

import { Misuse } from "../../../base/assert.js";
import { frameBytes, type Pfn } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { type KernelLog, unheard } from "../../../base/kernel_log.js";
import { GrantFlag, GrantType, GrantV1, GrantV2, reservedGrants } from "../../../spec/xen/grant_entry.js";
import { deferred } from "../../../spec/xen/limits.js";
import { entryAddress, statusAddress, storeField } from "../grant/entry.js";
import { setupTable } from "../grant/version.js";
import { finish, type Steps } from "../steps.js";
import type { Guest } from "./guest.js";

const pageBytes = frameBytes;

/** A revocation that waits for the other side to let go. */
interface Deferred {
  readonly ref: number;
  /** First page to free afterwards; null when the caller keeps it. */
  readonly page: Pfn | null;
  rounds: number;
}

const inUse = GrantFlag.reading | GrantFlag.writing;

export class Grants {
  readonly #guest: Guest;
  readonly #free: number[] = [];
  #nextRef = reservedGrants;
  readonly #waiting: Deferred[] = [];
  readonly #waitingMax: number;
  /** References given and not yet revoked. */
  readonly live = new Map<number, Pfn>();
  /** How many of them give a page. */
  readonly #perPage = new Map<number, number>();
  readonly #log: KernelLog;

  /**
   * @param o.waitingMax revocations that memory lets wait; one more is given up, and its page with it
   * @param o.log told what the kernel prints
   */
  constructor(guest: Guest, o: { readonly waitingMax?: number; readonly log?: KernelLog } = {}) {
    this.#guest = guest;
    this.#waitingMax = o.waitingMax ?? Infinity;
    this.#log = o.log ?? unheard;
  }

  /** Pages whose revocation waits. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Let a domain reach a page. @returns the reference, or -1 when the table is full. */
  grant(domain: number, page: Pfn, readOnly: boolean): number {
    const ref = this.#takeRef();
    if (ref < 0) return -1;
    const { h, d } = this.#guest;
    const entry = entryAddress(d, ref);
    const field = d.grants.version === 1 ? GrantV1.frame : GrantV2.frame;
    storeField(h.memory, entry, field, this.#guest.gfnOf(page));
    // The barrier stands here: frame and domain are seen before the type.
    h.memory.store32(entry, domain * 0x1_0000 + GrantType.permitAccess + (readOnly ? GrantFlag.readOnly : 0));
    this.live.set(ref, page);
    this.#perPage.set(page, (this.#perPage.get(page) ?? 0) + 1);
    return ref;
  }

  /** Is it in use by the other side now? What is true when asked may be false when the answer is read. */
  isInUse(ref: number): boolean {
    return (this.#useBits(ref) & inUse) !== 0;
  }

  /** Take a grant back. @returns false while it is in use: nothing has changed then (v1), or it is closed to new users (v2). */
  endAccess(ref: number): boolean {
    if (!this.#revoke(ref)) return false;
    this.#release(ref);
    return true;
  }

  /** Take a grant back and free its page, now or when the other side has let go. @returns true when now. */
  endAccessAndFree(ref: number, page: Pfn): boolean {
    return finish(this.endAccessAndFreeSteps(ref, page));
  }

  /** The same with its break. */
  *endAccessAndFreeSteps(ref: number, page: Pfn): Steps<boolean> {
    if (this.#guest.h.bugs["test-then-free"]) {
      if (this.isInUse(ref)) return this.#defer(ref, page);
      yield "the grant was seen unused";
      this.#revoke(ref);
      this.#release(ref);
      this.#guest.freePages(page, 0);
      return true;
    }
    yield "about to revoke";
    if (!this.endAccess(ref)) return this.#defer(ref, page);
    this.#guest.freePages(page, 0);
    return true;
  }

  /** Once a second: up to ten that wait are tried again. @returns how many were freed. */
  tick(): number {
    let freed = 0;
    for (let n = Math.min(deferred.perTick, this.#waiting.length); n > 0; n--) {
      const entry = this.#waiting.shift()!;
      if (this.endAccess(entry.ref)) {
        if (entry.page !== null) this.#guest.freePages(entry.page, 0);
        freed++;
        continue;
      }
      if (++entry.rounds === deferred.warnRounds) this.#log.say(`g.e. ${hex(entry.ref)} still pending`);
      this.#waiting.push(entry);
    }
    return freed;
  }

  /** A page to share: nothing of what lay in it before is seen by the other side. */
  allocShared(): Pfn | null {
    const page = this.#guest.allocPages(0);
    if (page === null) return null;
    if (!this.#guest.h.bugs["rest-of-page-leaked"])
      this.#guest.memory.write(page * pageBytes, new Uint8Array(pageBytes));
    return page;
  }

  /** The same for a driver that cannot go on without. @throws Misuse `no-memory` */
  takeShared(): Pfn {
    const page = this.allocShared();
    if (page === null) {
      throw new Misuse(
        "no-memory",
        `domain ${this.#guest.domain} takes ${pageBytes} bytes to share with another domain`,
      );
    }
    return page;
  }

  #defer(ref: number, page: Pfn | null): boolean {
    const leaks = this.#waiting.length >= this.#waitingMax;
    this.#log.say(`${leaks ? "leaking" : "deferring"} g.e. ${hex(ref)} (pfn ${hex(page ?? -1)})`);
    // A page that leaks is never free again: the line is all that is left of it.
    if (!leaks) this.#waiting.push({ ref, page, rounds: 0 });
    return false;
  }

  #useBits(ref: number): number {
    const { h, d } = this.#guest;
    return d.grants.version === 2 ? h.memory.load16(statusAddress(d, ref)) : h.memory.load32(entryAddress(d, ref));
  }

  /** Version 1 exchanges the flags for nothing unless they show use; version 2 clears first and looks after. */
  #revoke(ref: number): boolean {
    const { h, d } = this.#guest;
    const entry = entryAddress(d, ref);
    const header = h.memory.load32(entry);
    if (d.grants.version === 1 && (header & inUse) !== 0) return false;
    h.memory.store32(entry, header & 0xffff_0000);
    return d.grants.version === 1 || !this.isInUse(ref);
  }

  #release(ref: number): void {
    const page = this.live.get(ref);
    this.live.delete(ref);
    this.#free.push(ref);
    if (page === undefined) return;
    const left = this.#perPage.get(page)! - 1;
    if (left > 0) this.#perPage.set(page, left);
    else {
      this.#perPage.delete(page);
      this.#guest.h.watch.revoked(this.#guest.d.map.frameOf(page));
    }
  }

  #takeRef(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    const { h, d } = this.#guest;
    if (this.#nextRef >= d.grants.entryCount && setupTable(h, d, d.grants.shared.length + 1) !== 0) return -1;
    return this.#nextRef++;
  }
}
