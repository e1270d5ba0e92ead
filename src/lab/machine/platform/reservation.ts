/** How a domain gives pages back to the hypervisor and gets others: at once, or by calls that are served beside all else. */
import type { Pfn } from "../../../base/frame.js";
import { Balloon, type Guest } from "../../../sw/xen/index.js";
import type { GiveBackCalls } from "./give_back_calls.js";

export interface Reservation {
  /** Pages that are out. */
  readonly size: number;
  /** Can the domain ask now? */
  readonly isFree: boolean;
  /** Ask that a page goes. @returns false when it has none, or may not give it */
  giveBack(): boolean;
  /** Has the hypervisor answered? */
  readonly isAnswered: boolean;
  /** The answer is seen: the page is out. */
  taken(): void;
  /** A frame under a page that is out. @returns the page, the caller's from now on; null when no frame can be had */
  regain(): Pfn | null;
}

export class PlainReservation implements Reservation {
  readonly isFree = true;
  readonly isAnswered = true;
  readonly #balloon: Balloon;

  constructor(guest: Guest) {
    this.#balloon = new Balloon(guest);
  }

  get size(): number {
    return this.#balloon.size;
  }

  giveBack(): boolean {
    return this.#balloon.inflate(1) === 1;
  }

  taken(): void {}

  regain(): Pfn | null {
    return this.#balloon.regain();
  }
}

/** Of a domain whose devices may still reach what it gives back. */
export class ServedReservation implements Reservation {
  readonly #guest: Guest;
  readonly #balloon: Balloon;
  readonly #calls: GiveBackCalls;
  #asked: Pfn | null = null;

  constructor(guest: Guest, calls: GiveBackCalls) {
    this.#guest = guest;
    this.#balloon = new Balloon(guest);
    this.#calls = calls;
  }

  get size(): number {
    return this.#balloon.size;
  }

  get isFree(): boolean {
    return this.#calls.isFree;
  }

  giveBack(): boolean {
    const page = this.#balloon.takeOut();
    if (page === null) return false;
    if (this.#calls.ask(page)) {
      this.#asked = page;
      return true;
    }
    this.#guest.freePages(page, 0);
    return false;
  }

  get isAnswered(): boolean {
    return this.#asked !== null && this.#calls.isAnswered;
  }

  taken(): void {
    this.#calls.taken();
    this.#balloon.isOut(this.#asked!);
    this.#asked = null;
  }

  regain(): Pfn | null {
    return this.#balloon.regain();
  }
}
