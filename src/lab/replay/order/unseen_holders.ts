/**
 * Slots that somebody holds whom the recording does not show: mappings of before it began, or none that it names.
 *
 * The kernel passes over slots that are free on the model. Once may be an order that was not found; where it happens again
 * and again, or where nothing was known of the slots, they are taken on the model too, for a holder without a name.
 */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Pool } from "../../../sw/swiotlb/index.js";

/** Holders learnt from one mapping. */
const learntMax = 512;
/** The same slots are doubted after so many times in a row. */
const againFrom = 2;

export class UnseenHolders {
  readonly #pool: Pool;
  /** 1 for slots of which nothing is known yet; null when the recording begins with an empty pool. */
  readonly #unseen: Uint8Array | null;
  /** First slot of the last place that the model chose and the kernel did not, and how often that was in a row. */
  #doubted = -1;
  #times = 0;

  /** @param any whether the pool was in use before the recording began, by mappings that are not known */
  constructor(pool: Pool, any: boolean) {
    this.#pool = pool;
    this.#unseen = any ? new Uint8Array(pool.slots).fill(1) : null;
  }

  get any(): boolean {
    return this.#unseen !== null;
  }

  /** Who holds these bytes, from the pool's start, is known from now on. */
  known(offset: number, size: number): void {
    const first = Math.floor(offset / slotBytes);
    this.#unseen?.fill(0, first, first + Math.ceil((size + (offset % slotBytes)) / slotBytes));
  }

  /**
   * The model chose `model` and the kernel `kernel`: what stood in its way is taken.
   * @param find where the model puts the mapping now, -1 for nowhere
   */
  doubt(find: () => number, size: number, model: number, kernel: number): void {
    const first = Math.floor(model / slotBytes);
    this.#times = this.#doubted === first ? this.#times + 1 : 0;
    this.#doubted = first;
    for (let n = 0; n < learntMax; n++) {
      const found = find();
      if (found < 0 || found === kernel) return;
      const isSure = n === 0 && this.#times >= againFrom;
      if (!this.#hold(Math.floor(found / slotBytes), size, isSure)) return;
    }
  }

  /** The kernel had no room where the model has: as much as nothing is known of is taken. */
  fill(find: () => number, size: number): void {
    for (let n = 0; n < learntMax && this.any; n++) {
      const found = find();
      if (found < 0 || !this.#hold(Math.floor(found / slotBytes), size, false)) return;
    }
  }

  /** @param isSure whether it is taken even where something is known of it */
  #hold(slot: number, size: number, isSure: boolean): boolean {
    if (!isSure && this.#unseen?.[slot] !== 1) return false;
    if (!this.#pool.place(slot * slotBytes, 0, 0, size, 0, 0)) return false;
    this.#unseen?.fill(0, slot, slot + Math.ceil(size / slotBytes));
    return true;
  }
}
