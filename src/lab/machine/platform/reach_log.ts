/**
 * Pages that a device reached after its domain had given them back: whose they were by then, since when, and what led there.
 *
 * It is told what hypervisor and devices do, and decides nothing.
 */
import type { FrameTable } from "../../../sw/xen/index.js";

/** How a device came to a page: by a translation that it keeps, one that the unit keeps, or what the tables say. */
export type ReachedBy = "device TLB" | "IOTLB" | "tables";

/** A page on its way out of a domain. Times are steps of the run; null: it has not come to that. */
interface Leaving {
  /** Which page of its domain it was. */
  readonly page: number;
  readonly unmapped: number;
  freed: number | null;
  flushed: number | null;
  /** Its flush counts as done although a device has not answered. */
  gaveUp: boolean;
}

export interface ReachedPage extends Leaving {
  readonly requester: number;
  readonly write: boolean;
  readonly frame: number;
  /** Whose it was; -1: nobody's, -2: the hypervisor's own. */
  readonly owner: number;
  readonly by: ReachedBy;
  readonly step: number;
}

export interface Reached {
  /** Accesses to pages of somebody else, or of nobody; the first of them. */
  readonly strayed: number;
  readonly first: readonly ReachedPage[];
  /** Accesses to pages that were given back and waited for their flush: nobody has them, and the domain sees none of it. */
  readonly parked: number;
}

/** Rules of docs/page-lifetime.md that a page breaks as it goes, whether or not a device reaches it then. */
export type GoingRule = "I3" | "I8";

/** A page that went against a rule. */
export interface WentWrong extends Pick<Leaving, "page" | "unmapped"> {
  readonly rule: GoingRule;
  readonly frame: number;
  readonly step: number;
}

const firstMax = 16;
const wentWrongMax = 4;

export class ReachLog {
  readonly #frames: FrameTable;
  readonly #now: () => number;
  readonly domain: number;
  readonly #leaving = new Map<number, Leaving>();
  readonly #first: ReachedPage[] = [];
  /** Pages so far. */
  givenBack = 0;
  /** Pages that went against each rule, and the first of them. */
  readonly broken: Record<GoingRule, number> = { I3: 0, I8: 0 };
  readonly wentWrong: WentWrong[] = [];
  #strayed = 0;
  #parked = 0;
  #mostSteps = 0;

  /** @param now the step that is taken */
  constructor(domain: number, frames: FrameTable, now: () => number) {
    this.domain = domain;
    this.#frames = frames;
    this.#now = now;
  }

  unmapped(frame: number, page: number): void {
    this.givenBack++;
    this.#leaving.set(frame, { page, unmapped: this.#now(), freed: null, flushed: null, gaveUp: false });
  }

  freed(frame: number): void {
    const l = this.#leaving.get(frame);
    if (l !== undefined) l.freed ??= this.#now();
  }

  /** The flush counts as done. @param page which it was of the domain: the frame may be on its way again */
  flushed(frame: number, page: number): void {
    const l = this.#leaving.get(frame);
    if (l === undefined || l.page !== page) return;
    l.flushed ??= this.#now();
    this.#mostSteps = Math.max(this.#mostSteps, l.flushed - l.unmapped);
  }

  /** Whoever waited for its flush goes on without an answer. */
  gaveUp(frame: number): void {
    const l = this.#leaving.get(frame);
    if (l !== undefined) l.gaveUp = true;
  }

  /** A page is free, and a rule says that it must not be. */
  broke(rule: GoingRule, frame: number): void {
    const l = this.#leaving.get(frame);
    if (l === undefined || this.broken[rule]++ >= wentWrongMax) return;
    this.wentWrong.push({ rule, frame, page: l.page, unmapped: l.unmapped, step: this.#now() });
  }

  get now(): number {
    return this.#now();
  }

  /** The most steps from an entry's going until its flush counted as done. */
  get mostSteps(): number {
    return this.#mostSteps;
  }

  /** A device of the domain reached a frame. @param isAllowed the hypervisor's books let it */
  reached(o: Pick<ReachedPage, "requester" | "frame" | "write" | "by"> & { readonly isAllowed: boolean }): void {
    const { isAllowed, ...what } = o;
    const { frame } = what;
    const owner = this.#frames.owner[frame] ?? -1;
    const l = this.#leaving.get(frame);
    if (isAllowed) {
      if (l !== undefined && owner === this.domain && this.#frames.allocated[frame] === 0) this.#parked++;
      return;
    }
    this.#strayed++;
    if (this.#first.length >= firstMax || l === undefined) return;
    this.#first.push({ ...what, ...l, owner, step: this.#now() });
  }

  get seen(): Reached {
    return { strayed: this.#strayed, first: this.#first, parked: this.#parked };
  }
}
