/** Ranges that tasks have mapped and whose device is not named yet: `iommu:map` names none, the DMA API's event after it does. */
import type { EventBatch } from "../../../read/event.js";
import { markOf } from "./marks.js";
import type { Piece } from "./memory.js";
import type { Mark } from "./unmapping.js";

export interface OpenMapping {
  readonly at: Mark;
  /** How many invalidations were recorded before. */
  readonly order: number;
  readonly from: number;
  to: number;
  readonly pieces: Piece[];
}

export class OpenMappings {
  readonly #open = new Map<number, OpenMapping>();

  /** A piece is mapped: the next one of the task's range, or the first of another. @returns the piece */
  add(who: number, b: EventBatch, i: number, order: number): Piece {
    const from = b.dma[i]!;
    const piece = { iova: from, phys: b.phys[i]!, bytes: b.size[i]! };
    const to = from + piece.bytes;
    const open = this.#open.get(who);
    if (open !== undefined && open.to === from) {
      open.to = to;
      open.pieces.push(piece);
    } else this.#open.set(who, { at: markOf(b, i), order, from, to, pieces: [piece] });
    return piece;
  }

  /** @returns what the task has mapped at the address, null: nothing. One that its own event did not name is of nobody. */
  take(who: number, iova: number): OpenMapping | null {
    const mapping = this.#open.get(who);
    this.#open.delete(who);
    return mapping?.from === iova ? mapping : null;
  }
}
