/** Who holds which slots at the moment that the reports have reached: one device number a slot. */
import { setSlots } from "../../../spec/swiotlb/sizes.js";
import type { SlotRun } from "./failure.js";

export class Occupancy {
  /** 1 + the device's number, 0 = free. */
  readonly #holder: Int32Array;
  /** Which taking each slot belongs to: what was taken over since is not given back by an older holder. */
  readonly #taking: Int32Array;
  /** When each slot was taken, microseconds. */
  readonly #begin: Float64Array;
  /** Slots that each device holds, by its number + 1. */
  readonly #heldBy: number[] = [];
  #takings = 0;
  used = 0;
  hiwater = 0;
  hiwaterTime = Number.NaN;

  constructor(slots: number) {
    this.#holder = new Int32Array(slots);
    this.#taking = new Int32Array(slots);
    this.#begin = new Float64Array(slots);
  }

  get slots(): number {
    return this.#holder.length;
  }

  /**
   * @param device -1 = a mapping of unknown origin
   * @returns a number, never 0, that `give` wants back.
   */
  take(slot: number, count: number, device: number, time: number): number {
    const taking = ++this.#takings | 0 || ++this.#takings;
    const holders = this.#holder;
    const holder = device === -1 ? -1 : device + 1;
    const end = Math.min(slot + count, holders.length);
    for (let s = slot; s < end; s++) {
      if (holders[s] === 0) this.used++;
      else this.#count(holders[s]!, -1);
      holders[s] = holder;
      this.#taking[s] = taking;
      this.#begin[s] = time;
    }
    this.#count(holder, Math.max(0, end - slot));
    if (this.used > this.hiwater) {
      this.hiwater = this.used;
      this.hiwaterTime = time;
    }
    return taking;
  }

  /** Free those of `count` slots from `slot` that still belong to a taking. */
  give(slot: number, count: number, taking: number): void {
    for (let s = slot; s < slot + count && s < this.#holder.length; s++) {
      if (this.#holder[s] === 0 || this.#taking[s] !== taking) continue;
      this.used--;
      this.#count(this.#holder[s]!, -1);
      this.#holder[s] = 0;
    }
  }

  /** Slots that a device holds now. */
  heldBy(device: number): number {
    return this.#heldBy[device + 1] ?? 0;
  }

  /** @param holder as in `#holder`; mappings of unknown origin are counted for none */
  #count(holder: number, by: number): void {
    if (holder > 0) this.#heldBy[holder] = (this.#heldBy[holder] ?? 0) + by;
  }

  /** What is held now, each taking with the time since when. */
  *living(): Iterable<SlotRun & { readonly begin: number }> {
    for (let s = 0; s < this.#holder.length; ) {
      const taking = this.#taking[s]!;
      const holder = this.#holder[s]!;
      let end = s + 1;
      while (end < this.#holder.length && this.#taking[end] === taking && this.#holder[end] === holder) end++;
      if (holder !== 0)
        yield { slot: s, count: end - s, device: holder === -1 ? -1 : holder - 1, begin: this.#begin[s]! };
      s = end;
    }
  }

  /** Longest run of free slots inside one slot set. */
  longestRun(): number {
    let longest = 0,
      run = 0;
    for (let s = 0; s < this.#holder.length; s++) {
      if (s % setSlots === 0) run = 0;
      run = this.#holder[s] === 0 ? run + 1 : 0;
      if (run > longest) longest = run;
    }
    return longest;
  }

  /** Held slots in runs of one device. */
  picture(): SlotRun[] {
    const runs: SlotRun[] = [];
    for (let s = 0; s < this.#holder.length; ) {
      const holder = this.#holder[s]!;
      let end = s + 1;
      while (end < this.#holder.length && this.#holder[end] === holder) end++;
      if (holder !== 0) runs.push({ slot: s, count: end - s, device: holder === -1 ? -1 : holder - 1 });
      s = end;
    }
    return runs;
  }
}
