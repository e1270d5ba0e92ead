/**
 * Time, for those who wait for a device: the unit, which gives a device up after so long; software that has a bound of its
 * own; and a device that takes longer than either. It passes when it is drawn among all that could happen, so that what
 * works at all is done long before a bound is reached.
 */
import type { Actor } from "../../../sim/actor.js";
import type { HardwareUnit } from "./machine_units.js";
import type { TlbWork } from "./unit_work.js";

/** In draws, in their real order: Xen waited 1 s and Linux 100 ms, a device may take 90 s, and late is beyond. */
const softwareWaits = 128;
const unitWaits = 256;
const lateTakes = 400;
/** Times that the unit gives devices up within one call, until it is told that nothing more will come. */
const giveUpsMax = 3;

export interface UnitTimeOptions {
  readonly unit: HardwareUnit;
  readonly tlbs: ReadonlyMap<number, TlbWork>;
  /** Software looks at the clock. */
  readonly isWatched: () => boolean;
  /** Software cannot ask before the unit has given up what it was asked long ago. */
  readonly isRoomAwaited: () => boolean;
}

export class UnitTime {
  readonly actor: Actor;
  now = 0;
  /** How often the unit gave a device up. */
  giveUps = 0;
  readonly #o: UnitTimeOptions;
  /** When each tag was seen to be taken, and what its device had been asked by then. */
  readonly #taken: { since: number; asked: number }[];
  readonly #held = new Map<TlbWork, number>();
  #inCall = 0;

  constructor(o: UnitTimeOptions) {
    this.#o = o;
    const { unit } = o;
    this.#taken = Array.from({ length: unit.tags.count }, () => ({ since: 0, asked: -1 }));
    const passes = () => o.isWatched() || this.#isSomeoneHeld || (unit.tags.busyCount > 0 && this.#mayGiveUp);
    this.actor = {
      name: "time",
      choices: () => (passes() ? 1 : 0),
      step: () => this.#pass(),
      label: () => "time passes",
    };
  }

  /** Software asks for something anew. */
  callBegins(): void {
    this.#inCall = 0;
  }

  /** Is it longer ago than software that does not wait for ever waits? */
  isLong(since: number): boolean {
    return this.now - since > softwareWaits;
  }

  get #mayGiveUp(): boolean {
    return this.#inCall < giveUpsMax || this.#o.isRoomAwaited();
  }

  get #isSomeoneHeld(): boolean {
    for (const tlb of this.#o.tlbs.values()) if (tlb.isHeld) return true;
    return false;
  }

  #pass(): void {
    this.now++;
    const { tags, queue } = this.#o.unit;
    for (const [tag, taken] of this.#taken.entries()) {
      const asked = this.#o.tlbs.get(tags.requesterOf(tag) ?? -1)?.asked ?? -1;
      if (asked !== taken.asked) {
        taken.since = this.now;
        taken.asked = asked;
      } else if (asked >= 0 && this.now - taken.since > unitWaits && this.#mayGiveUp) {
        taken.asked = -1;
        this.#inCall++;
        this.giveUps++;
        queue.timedOut(tag);
      }
    }
    for (const tlb of this.#o.tlbs.values()) {
      if (!tlb.isHeld) this.#held.delete(tlb);
      else if (!this.#held.has(tlb)) this.#held.set(tlb, this.now);
      else if (this.now - this.#held.get(tlb)! > lateTakes) tlb.longWaited();
    }
  }
}
