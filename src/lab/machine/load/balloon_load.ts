/**
 * A program that gives pages of its domain back and gets others, again and again. Of those that it gets, some are free for
 * whoever wants one; the others it keeps for a while, with bytes in them that nobody else may change.
 */
import { frameBytes, type Pfn } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import type { Rng } from "../../../base/rng.js";
import type { OneWay } from "../../../sim/actor.js";
import type { GuestKernel } from "../../../sw/xen/guest_kernel.js";
import type { Reservation } from "../platform/reservation.js";
import { fill } from "./block_load.js";

export interface BalloonLoadOptions {
  readonly kernel: GuestKernel;
  readonly reservation: Reservation;
  readonly rng: Rng;
  /** Pages to be given back. */
  readonly requests: number;
}

/** Pages that are out at most, and that are kept at most. */
const outMax = 4;
const keptMax = 8;
/** Times in a row that no frame is to be had until it no longer asks. */
const refusalsMax = 4096;

interface Kept {
  readonly page: Pfn;
  readonly bytes: Uint8Array;
}

export class BalloonLoad implements OneWay {
  readonly #o: BalloonLoadOptions;
  readonly #kept: Kept[] = [];
  #isAsking = false;
  #refusals = 0;
  issued = 0;
  ended = 0;
  failed = 0;
  bytesWritten = 0;
  bytesRead = 0;
  readonly wrong: string[] = [];

  constructor(o: BalloonLoadOptions) {
    this.#o = o;
  }

  ready(): boolean {
    if (this.#isAsking) return this.#o.reservation.isAnswered;
    return this.#mayGive || this.#mayRegain || this.#mayCheck;
  }

  step(): void {
    if (this.#isAsking) this.#answered();
    else if (this.#mayGive) this.#give();
    else if (this.#mayRegain) this.#regain();
    else this.#check();
  }

  /** All that is out comes back, and what is kept is looked at. */
  close(): void {
    while (this.#o.reservation.size > 0 && this.#regain());
    while (this.#kept.length > 0) this.#check();
  }

  get #mayGive(): boolean {
    const { reservation, requests } = this.#o;
    return this.issued < requests && reservation.size < outMax && reservation.isFree;
  }

  get #mayRegain(): boolean {
    const { reservation, requests } = this.#o;
    return reservation.size >= (this.issued < requests ? outMax : 1) && this.#refusals < refusalsMax;
  }

  get #mayCheck(): boolean {
    return this.#kept.length > (this.issued < this.#o.requests ? keptMax : 0);
  }

  #give(): void {
    this.issued++;
    this.#isAsking = this.#o.reservation.giveBack();
    if (this.#isAsking) return;
    this.ended++;
    this.failed++;
  }

  #answered(): void {
    this.#o.reservation.taken();
    this.#isAsking = false;
    this.ended++;
  }

  /** @returns false when there is no frame to be had */
  #regain(): boolean {
    const { kernel, reservation, rng } = this.#o;
    const page = reservation.regain();
    this.#refusals = page === null ? this.#refusals + 1 : 0;
    if (page === null) return false;
    if (rng.below(2) === 0) {
      kernel.freePages(page, 0);
      return true;
    }
    const bytes = new Uint8Array(frameBytes);
    fill(bytes, rng);
    kernel.memory.write(page * frameBytes, bytes);
    this.bytesWritten += frameBytes;
    this.#kept.push({ page, bytes });
    return true;
  }

  /** The page that was kept longest: its bytes are those that were written, or somebody else's. */
  #check(): void {
    const { kernel } = this.#o;
    const { page, bytes } = this.#kept.shift()!;
    const found = new Uint8Array(frameBytes);
    kernel.memory.read(page * frameBytes, found);
    this.bytesRead += frameBytes;
    const at = found.findIndex((byte, n) => byte !== bytes[n]);
    if (at >= 0) {
      const where = `byte ${at} of its page at ${hex(page * frameBytes)}`;
      this.wrong.push(`${where} is not what domain ${kernel.domain} wrote there, and nobody else may write to it`);
    }
    kernel.freePages(page, 0);
  }
}
