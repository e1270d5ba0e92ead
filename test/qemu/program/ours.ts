/** What a unit of ours may answer: as it stands, and with what it cached forgotten, in part and whole. */
import type { Rng } from "../../../src/base/rng.js";
import { type DmaRequest, Outcome } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { nothing, reach } from "./answer.js";
import type { ProgramUnit } from "./program_unit.js";

/** What is asked of it. */
export type Answering = Pick<ProgramUnit, "state" | "caches" | "transaction" | "recordsFaults" | "ourFaults">;

export class Ours {
  /** How many answers there are to a request. */
  static readonly ways = 4;
  readonly #unit: Answering;
  readonly #rng: Rng;

  /** @param rng draws which entry of a full cache gives way */
  constructor(unit: Answering, rng: Rng) {
    this.#unit = unit;
    this.#rng = rng;
  }

  /** Nothing is kept of it. @returns the answers by what is forgotten first: nothing, the page, the device's entries, both */
  answers(request: DmaRequest): string[] {
    const { state } = this.#unit;
    return Array.from({ length: Ours.ways }, (_, forgotten) => {
      const mark = state.mark();
      const answer = this.#answer(request, forgotten);
      state.undoTo(mark);
      return answer;
    });
  }

  /** Go on as the unit that gave one of the answers. */
  goOn(request: DmaRequest, forgotten: number): void {
    const putBack = forgotten < 2 ? () => {} : this.#keepEntries(request.requester);
    this.#answer(request, forgotten);
    putBack();
  }

  /** Rights of the translations that ours has cached of a page. */
  rightsCached(frame: number): number[] {
    const { translations } = this.#unit.caches;
    const rights: number[] = [];
    for (let slot = 0; slot < translations.slots.count; slot++) {
      const from = translations.frameOf(slot);
      const isOf = frame >= from && frame < from + 2 ** (translations.sizeLg2Of(slot) - 12);
      if (translations.slots.isUsed(slot) && isOf) rights.push(translations.allowOf(slot));
    }
    return rights;
  }

  /**
   * QEMU's hit in its IOTLB asks for no entry of a device table, and a miss may: a stale entry that one access did not
   * meet another one may meet. So it stays a possible answer until it is invalidated.
   * @returns what puts a device's cached entries back
   */
  #keepEntries(requester: number): () => void {
    const { devices, spaces } = this.#unit.caches;
    const kept = [devices, spaces].map((cache) => {
      const slot = cache.find(requester, null);
      const words = new Uint32Array(cache.slots.width);
      if (slot >= 0) cache.slots.copyTo(slot, words);
      return { cache, words, isUsed: slot >= 0 };
    });
    return () => {
      for (const { cache, words, isUsed } of kept) {
        if (!isUsed) continue;
        const slot = cache.find(requester, null);
        if (slot >= 0) cache.slots.clear(slot);
        cache.slots.put(0, words);
      }
    };
  }

  /** With what it records. */
  #answer(request: DmaRequest, forgotten: number): string {
    const { caches, transaction, recordsFaults } = this.#unit;
    const { frame, requester } = request;
    if (forgotten % 2 === 1) {
      caches.translations.invalidate({ first: frame, last: frame });
      caches.tables.invalidate({ first: frame, last: frame });
    }
    if (forgotten >= 2) {
      caches.devices.invalidate({ requester });
      caches.spaces.invalidate({ requester });
    }
    const result = resolve(transaction, request, (n) => this.#rng.below(n));
    const faults = this.#unit.ourFaults();
    if (result.outcome === Outcome.passes) return reach(result.frame * 4096 + request.offset);
    return recordsFaults && faults.length > 0 ? faults.join(", ") : nothing;
  }
}
