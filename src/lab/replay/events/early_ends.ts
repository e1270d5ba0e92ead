/**
 * Ends that were read before their mappings, because the clocks of two CPUs differ by a little; those that no mapping
 * comes for were of before the recording.
 */

/** The clocks of two CPUs may differ by this much (microseconds). */
export const clocksApartMax = 10_000;

/** Who ended a mapping, and when. */
export interface Ended {
  readonly device: number;
  readonly time: number;
  readonly cpu: number;
}

/** An unmapping of something that was mapped before the recording began (or whose mapping was lost). */
export interface Orphan {
  readonly device: number;
  readonly address: number;
  readonly size: number;
}

interface Single {
  readonly size: number;
  readonly end: Ended;
}

interface List {
  readonly phys: Float64Array;
  readonly end: Ended;
}

export class EarlyEnds {
  /** By bus address, oldest first. */
  readonly #singles = new Map<number, Single>();
  /** By the first buffer, oldest first. */
  readonly #lists = new Map<number, List[]>();
  readonly #onOrphan: (o: Orphan) => void;

  /** @param onOrphan told of each single end that no mapping came for */
  constructor(onOrphan: (o: Orphan) => void) {
    this.#onOrphan = onOrphan;
  }

  add(address: number, size: number, end: Ended): void {
    this.#singles.delete(address);
    this.#singles.set(address, { size, end });
  }

  /** @param phys the buffers that the event names, at least one */
  addList(phys: Float64Array, end: Ended): void {
    const same = this.#lists.get(phys[0]!);
    if (same === undefined) this.#lists.set(phys[0]!, [{ phys, end }]);
    else same.push({ phys, end });
  }

  /** The end of a mapping that has just been read; null where none came before it. */
  take(address: number, device: number, size: number): Ended | null {
    if (this.#singles.size === 0) return null;
    const early = this.#singles.get(address);
    if (early === undefined || early.end.device !== device || early.size !== size) return null;
    this.#singles.delete(address);
    return early.end;
  }

  /** The same of a list, whose end names its buffers. */
  takeList(device: number, phys: Float64Array, first: number, count: number, now: number): Ended | null {
    if (this.#lists.size === 0) return null;
    const same = this.#lists.get(phys[first]!);
    if (same === undefined) return null;
    const k = same.findIndex((e) => e.end.device === device && beginsAlike(e.phys, phys, first, count));
    if (k < 0) return null;
    const { end } = same[k]!;
    if (same.length === 1) this.#lists.delete(phys[first]!);
    else same.splice(k, 1);
    return end.time < now - clocksApartMax ? null : end;
  }

  /** What ended before `until` waits no longer. */
  forget(until: number): void {
    this.#singlesUntil(until);
    for (const [first, lists] of this.#lists) {
      if (lists.at(-1)!.end.time > until) return;
      this.#lists.delete(first);
    }
  }

  finish(): void {
    this.#singlesUntil(Number.POSITIVE_INFINITY);
  }

  #singlesUntil(until: number): void {
    for (const [address, { size, end }] of this.#singles) {
      if (end.time > until) return;
      this.#singles.delete(address);
      this.#onOrphan({ device: end.device, address, size });
    }
  }
}

/** Whether two lists have the same buffers, as far as both are known: an event may name only the first ones. */
function beginsAlike(list: Float64Array, other: Float64Array, first: number, count: number): boolean {
  const n = Math.min(list.length, count);
  for (let k = 0; k < n; k++) if (list[k] !== other[first + k]) return false;
  return true;
}
