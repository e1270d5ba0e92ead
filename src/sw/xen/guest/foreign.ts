/**
 * Pages of other domains in a guest: mapped by grant at pages of its own, and taken away again.
 * Source: Linux drivers/xen/grant-table.c (gnttab_map_refs, gnttab_unmap_refs), arch/x86/xen/p2m.c
 * (set_foreign_p2m_mapping), arch/arm/xen/p2m.c.
 */
import { Misuse } from "../../../base/assert.js";
import { frameBytes, type Pfn } from "../../../base/frame.js";
import { type KernelLog, unheard } from "../../../base/kernel_log.js";
import { GrantStatus, MapFlag } from "../../../spec/xen/grant_op.js";
import { type MapRequest, type MapResult, mapGrant } from "../grant/map.js";
import { unmapGrants } from "../grant/unmap.js";
import { finish, type Steps } from "../steps.js";
import { Balloon } from "./balloon.js";
import { type Era, type EraId, eraOf } from "./eras.js";
import type { ForeignPage } from "./foreign_page.js";
import type { Guest } from "./guest.js";
import { PageCache, type PageSource } from "./page_cache.js";
import { Stand } from "./stand_in.js";
import { Unpopulated } from "./unpopulated.js";

const pageBytes = frameBytes;

export interface ForeignRequest {
  readonly domain: number;
  readonly ref: number;
  readonly readOnly: boolean;
  /** Map for devices too (GNTMAP_device_map). */
  readonly device?: boolean;
  /** A ring: CPUs see it, the page map does not know of it, and no DMA goes there. */
  readonly ring?: boolean;
}

export interface ForeignOptions {
  readonly era?: EraId;
  readonly balloon?: Balloon;
  /** Pages of an unpopulated section. */
  readonly section?: number;
  /** Told of each sleep while a frame of another is paged in, in milliseconds. */
  readonly slept?: (ms: number) => void;
  /** Told what the kernel prints. */
  readonly log?: KernelLog;
}

export class ForeignPages {
  readonly era: Era;
  readonly balloon: Balloon;
  readonly cache: PageCache;
  readonly #guest: Guest;
  readonly #stand: Stand;
  readonly #slept: (ms: number) => void;
  readonly #log: KernelLog;

  /**
   * @throws Misuse `no-memory` when the reserved pages of 2010 cannot be had, `era-model` for a past era in a guest
   *   whose pages the hypervisor translates
   */
  constructor(guest: Guest, o: ForeignOptions = {}) {
    this.#guest = guest;
    this.#slept = o.slept ?? (() => {});
    this.#log = o.log ?? unheard;
    this.era = eraOf(o.era ?? "today");
    if (guest.d.rules.translated && this.era.restore !== "nothing") {
      throw new Misuse("era-model", `foreign pages of ${this.era.id} are of model p2m, not ${guest.model}`);
    }
    this.balloon = o.balloon ?? new Balloon(guest);
    this.cache = new PageCache(this.#source(o));
    this.#stand = new Stand(guest, this.era);
  }

  /** One hypercall for all. A request that fails leaves the others as they are. @returns an outcome for each, in order. */
  map(requests: readonly ForeignRequest[]): ForeignPage[] {
    const mapped = requests.map((o) => this.#mapOne(o));
    let bailed = false;
    return mapped.map((m, n) => {
      if (m.status !== GrantStatus.okay) {
        if (m.status === GrantStatus.noDeviceSpace) this.#log.say("maptrack limit reached, can't map all guest pages");
        bailed = true;
        return this.#without(m);
      }
      // XSA-361: after the first failure the rest of the batch was mapped and nobody noted where.
      if (bailed && this.#guest.h.bugs["batch-errors-ignored"]) return m;
      if (requests[n]!.ring === true) return m;
      if (this.#stand.place(m.page, m.bus / pageBytes) || this.#guest.h.bugs["batch-errors-ignored"]) return m;
      unmapGrants(this.#guest.h, this.#guest.d, [m]);
      this.#stand.undo(m.page);
      return this.#without({ ...m, status: GrantStatus.generalError });
    });
  }

  /** @returns a status for each page, in order. */
  unmap(pages: readonly ForeignPage[]): GrantStatus[] {
    return finish(this.unmapSteps(pages));
  }

  /** The same with its breaks: between the unmapping and what is put under a page afterwards. */
  *unmapSteps(pages: readonly ForeignPage[]): Steps<GrantStatus[]> {
    const live = pages.filter((p) => p.status === GrantStatus.okay);
    const statuses = yield* this.#stand.takeAway(live);
    live.forEach((p, n) => {
      if (statuses[n] === GrantStatus.okay) this.cache.give(p.page);
    });
    let n = 0;
    return pages.map((p) => (p.status === GrantStatus.okay ? statuses[n++]! : p.status));
  }

  #mapOne(o: ForeignRequest): ForeignPage {
    const page = this.cache.take();
    if (page === null) return { status: GrantStatus.generalError, page: -1 as Pfn, handle: -1, bus: 0 };
    this.#stand.prepare(page);
    const flags = MapFlag.host | (o.readOnly ? MapFlag.readOnly : 0) | (o.device === true ? MapFlag.device : 0);
    const { status, handle, bus } = this.#retried({ flags, domain: o.domain, ref: o.ref, page });
    if (status !== GrantStatus.okay) this.#stand.undo(page);
    return { status, page, handle, bus };
  }

  /** A frame that is paged out is asked for again after 1, 2, 3 ... ms; after 255 of them it is a bad page. */
  #retried(o: MapRequest): MapResult {
    for (let ms = 1; ms < 256; ms++) {
      const got = mapGrant(this.#guest.h, this.#guest.d, o);
      if (got.status !== GrantStatus.eagain) return got;
      this.#slept(ms);
    }
    return { status: GrantStatus.badPage, handle: -1, bus: 0 };
  }

  #without(m: ForeignPage): ForeignPage {
    if (m.page >= 0) this.cache.give(m.page);
    return { status: m.status, page: -1 as Pfn, handle: -1, bus: 0 };
  }

  #source(o: ForeignOptions): PageSource {
    const { balloon } = this;
    if (this.era.backing === "unpopulated") return new Unpopulated(this.#guest, o.section);
    if (this.era.backing === "balloon") {
      return { take: (count) => balloon.lend(count), give: (pages) => balloon.takeBack(pages) };
    }
    return this.era.backing === "any" ? anyPages(this.#guest) : reservedPages(this.#guest);
  }
}

/** 2011: any page of ours. */
function anyPages(guest: Guest): PageSource {
  return {
    take(count) {
      const pages = Array.from({ length: count }, () => guest.allocPages(0));
      const got = pages.filter((page) => page !== null);
      if (got.length === count) return got;
      for (const page of got) guest.freePages(page, 0);
      return null;
    },
    give(pages) {
      for (const page of pages) guest.freePages(page, 0);
    },
  };
}

/** 2010: an area of 2 MiB that is set aside. */
function reservedPages(guest: Guest): PageSource {
  const first = guest.allocRun(512, 1);
  if (first === null) throw new Misuse("no-memory", "the reserved area for foreign pages is 512 pages");
  const free = Array.from({ length: 512 }, (_, n) => (first + 511 - n) as Pfn);
  return {
    take: (count) => (free.length < count ? null : free.splice(free.length - count)),
    give: (pages) => void free.push(...pages),
  };
}
