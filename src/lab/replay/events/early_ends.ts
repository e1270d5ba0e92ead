/**
 * Ends that were read before their mappings, because the clocks of two CPUs differ by a little; those that no mapping
 * comes for were of before the recording.
 */
import { beginsAlike } from "./live_mappings.js";

/** The clocks of two CPUs may differ by this much (microseconds). */
export const clocksApartMax = 10_000;

/** Who ended a mapping, and when. */
export interface Ended {
  readonly device: number;
  readonly time: number;
  readonly cpu: number;
  readonly task: number;
  readonly context: number;
}

/** An unmapping of something that was mapped before the recording began (or whose mapping was lost). */
export interface Orphan {
  readonly device: number;
  readonly address: number;
  readonly size: number;
}

interface EndedSingle extends Ended {
  readonly size: number;
}

interface EndedList extends Ended {
  readonly phys: Float64Array;
}

export class EarlyEnds {
  /** By bus address, oldest first. */
  readonly #singles = new Map<number, EndedSingle>();
  /** By the first buffer, oldest first. */
  readonly #lists = new Map<number, EndedList[]>();
  readonly #onOrphan: (o: Orphan) => void;

  /** @param onOrphan told of each single end that no mapping came for */
  constructor(onOrphan: (o: Orphan) => void) {
    this.#onOrphan = onOrphan;
  }

  add(address: number, end: EndedSingle): void {
    this.#singles.delete(address);
    this.#singles.set(address, end);
  }

  /** @param end.phys the buffers that the event names, at least one */
  addList(end: EndedList): void {
    const same = this.#lists.get(end.phys[0]!);
    if (same === undefined) this.#lists.set(end.phys[0]!, [end]);
    else same.push(end);
  }

  /** The end of a mapping that has just been read; null where none came before it. */
  take(address: number, device: number, size: number): Ended | null {
    if (this.#singles.size === 0) return null;
    const early = this.#singles.get(address);
    if (early === undefined || early.device !== device || early.size !== size) return null;
    this.#singles.delete(address);
    return early;
  }

  /** The same of a list, whose end names its buffers. */
  takeList(device: number, phys: Float64Array, now: number): Ended | null {
    if (this.#lists.size === 0) return null;
    const same = this.#lists.get(phys[0]!);
    const k = same?.findIndex((e) => e.device === device && beginsAlike(phys, e.phys, 0, e.phys.length)) ?? -1;
    if (same === undefined || k < 0) return null;
    const early = same[k]!;
    if (same.length === 1) this.#lists.delete(phys[0]!);
    else same.splice(k, 1);
    return early.time < now - clocksApartMax ? null : early;
  }

  /** What ended before `until` waits no longer. */
  forget(until: number): void {
    this.#singlesUntil(until);
    for (const [first, lists] of this.#lists) {
      if (lists.at(-1)!.time > until) return;
      this.#lists.delete(first);
    }
  }

  finish(): void {
    this.#singlesUntil(Number.POSITIVE_INFINITY);
  }

  #singlesUntil(until: number): void {
    for (const [address, { device, size, time }] of this.#singles) {
      if (time > until) return;
      this.#singles.delete(address);
      this.#onOrphan({ device, address, size });
    }
  }
}
