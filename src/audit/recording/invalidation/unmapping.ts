/** One range of addresses that was unmapped, and which caches may still translate it. */
import type { Cache, Domain } from "./caches.js";
import type { Invalidation } from "./invalidation.js";

/** An event as people find it again: by its time, its CPU and its task. Times are microseconds. */
export interface Mark {
  readonly time: number;
  readonly cpu: number;
  readonly task: number;
}

/** What a cache may still hold of it: bytes [from, to). */
interface Held {
  readonly cache: Cache;
  from: number;
  to: number;
}

export class Unmapping {
  readonly at: Mark;
  readonly from: number;
  readonly to: number;
  /** How many invalidations are before it. */
  readonly order: number;
  /** Number of the device's name; -1 while no event names it. */
  device = -1;
  domain: Domain | null = null;
  /** When its driver could use the memory again, as far as that is known. */
  returned: number;
  /** An event of its driver's tells of that. */
  isReturned = false;
  /** The invalidation after which no cache holds any of it, and which one that is in order. 0: none. */
  coveredBy = 0;
  covered: Mark | null = null;
  /** Its memory was mapped anew before caches forgot it. */
  isMappedAnew = false;
  /** Its domain is not known: it is kept for each that it may be of. */
  isOfSeveral = false;
  /** Invalidations came in pieces that do not meet: what is left is not followed. */
  isPieces = false;
  /** Its address was used again before, as it seems. */
  isSuspected = false;
  /** The task that unmapped it went on to have it forgotten. */
  isAtOnce = false;
  readonly held: Held[] = [];

  constructor(at: Mark, from: number, to: number, order: number) {
    this.at = at;
    this.returned = at.time;
    this.from = from;
    this.to = to;
    this.order = order;
  }

  get isCovered(): boolean {
    return this.coveredBy > 0;
  }

  /** Whose it is is known now. */
  of(domain: Domain): void {
    this.domain = domain;
    for (const cache of domain.caches) this.held.push({ cache, from: this.from, to: this.to });
  }

  /** A cache was told to forget. @returns whether nothing holds any of it now */
  forget(cache: Cache, told: Invalidation, order: number, at: Mark): boolean {
    const n = this.held.findIndex((h) => h.cache === cache);
    if (n < 0 || order <= this.order) return this.isCovered;
    const held = this.held[n]!;
    if (told.from <= held.from) held.from = Math.max(held.from, told.to);
    else if (told.to >= held.to) held.to = Math.min(held.to, told.from);
    else if (told.to > held.from && told.from < held.to) this.isPieces = true;
    if (held.from < held.to) return false;
    this.held.splice(n, 1);
    if (this.held.length > 0) return false;
    this.coveredBy = order;
    this.covered = at;
    return true;
  }
}
