/** What was unmapped in one domain: what waits to be forgotten, and what an address was last. */
import { frameBytes } from "../../../base/frame.js";
import type { Cache } from "./caches.js";
import type { Invalidation } from "./invalidation.js";
import { Backing } from "./memory.js";
import type { Mark, Unmapping } from "./unmapping.js";

const waitingMax = 4096;
/** Pages of one range by which its next use is found. */
const pagesMax = 4096;

export class Ledger {
  #waiting: Unmapping[] = [];
  readonly #byPage = new Map<number, Unmapping>();
  readonly backing = new Backing();
  /** How many were forgotten in time, and how many not. */
  covered = 0;
  suspected = 0;

  /** @returns the one that is no longer followed, where too many wait */
  add(u: Unmapping): Unmapping | null {
    const first = u.from / frameBytes;
    const pages = Math.min(pagesMax, u.to / frameBytes - first);
    for (let p = 0; p < pages; p++) this.#byPage.set(first + p, u);
    if (u.isCovered) return null;
    this.#waiting.push(u);
    return this.#waiting.length > waitingMax ? this.#waiting.shift()! : null;
  }

  /** @returns those of which nothing is held any more */
  forget(cache: Cache, told: Invalidation, order: number, at: Mark): Unmapping[] {
    if (this.#waiting.length === 0) return [];
    const done: Unmapping[] = [];
    this.#waiting = this.#waiting.filter((u) => {
      if (!u.forget(cache, told, order, at)) return true;
      done.push(u);
      return false;
    });
    return done;
  }

  /** Addresses are used again. @returns what they were before */
  reused(from: number, to: number): Set<Unmapping> {
    const before = new Set<Unmapping>();
    const end = Math.min(to, from + pagesMax * frameBytes) / frameBytes;
    for (let page = from / frameBytes; page < end; page++) {
      const u = this.#byPage.get(page);
      if (u === undefined) continue;
      before.add(u);
      this.#byPage.delete(page);
    }
    return before;
  }

  get waiting(): readonly Unmapping[] {
    return this.#waiting;
  }
}
