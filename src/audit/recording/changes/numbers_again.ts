/**
 * Numbers of domains that serve again: what caches hold of a number is of the domain that had it last, until they are told to forget.
 *
 * A kernel that tears an entry down tells caches to forget it behind the number's end, or right before.
 */
import { type Asked, takes } from "./asked.js";
import type { OpenChange, Tag } from "./open_change.js";

/** One whose last user is gone, and that caches were not told to forget yet. */
interface Ended {
  readonly pasid: number;
  readonly time: number;
}

export interface ServedAgain {
  readonly domain: number;
  readonly pasid: number;
  /** When its last device had gone, and when it was given to another; microseconds. */
  readonly ended: number;
  readonly again: number;
}

/** More than these are counted, not kept. */
const keptMax = 1024;

export class NumbersAgain {
  /** Numbers that ended, each with what is not forgotten of it. */
  readonly #ended = new Map<number, Ended[]>();
  readonly #users = new Map<string, number>();
  count = 0;
  covered = 0;
  /** Those that were not seen to be forgotten in between. */
  readonly suspected: ServedAgain[] = [];
  /** A number was given out that was in use. */
  ambiguous = false;

  assigned({ domain, pasid }: Tag, users: number, time: number): void {
    const key = `${domain} ${pasid}`;
    if (users === 1 && (this.#users.get(key) ?? 0) > 0) this.ambiguous = true;
    this.#users.set(key, users);
    const ended = this.#ended.get(domain);
    if (ended === undefined) return;
    this.#ended.delete(domain);
    this.count++;
    const [first] = ended;
    if (first === undefined) this.covered++;
    else if (this.suspected.length < keptMax) this.suspected.push({ domain, ...ofEnded(first), again: time });
  }

  /** @param open what its task has asked for by now */
  unassigned({ domain, pasid }: Tag, users: number, time: number, open: OpenChange): void {
    if (users !== 1) return;
    this.#users.delete(`${domain} ${pasid}`);
    const ended = this.#ended.get(domain) ?? [];
    const isForgotten = open.steps.some(({ asked }) => asked.of === "translations" && takes(asked, domain, pasid));
    this.#ended.set(domain, isForgotten ? ended : [...ended, { pasid, time }]);
  }

  asked(a: Asked): void {
    if (a.of !== "translations" || this.#ended.size === 0) return;
    for (const [domain, ended] of this.#ended) {
      if (ended.some(({ pasid }) => takes(a, domain, pasid)))
        this.#ended.set(
          domain,
          ended.filter(({ pasid }) => !takes(a, domain, pasid)),
        );
    }
  }
}

const ofEnded = ({ pasid, time }: Ended) => ({ pasid, ended: time });
