/**
 * Lists, to tell which one a task unmaps: `dma_unmap_sg` is written before the list is unmapped, and names its buffers but not
 * its IOVA. What the task unmaps next is the list.
 */
import type { EventBatch } from "../../../read/event.js";
import { down } from "./marks.js";

export class EndingLists {
  /** By device and first buffer, the IOVA of their first entry. */
  readonly #lists = new Map<string, number>();
  /** By task, the list whose end it has announced. */
  readonly #ending = new Map<number, { readonly device: number; readonly iova: number }>();

  /** A list is mapped, in a range of at least one entry. */
  mapped(b: EventBatch, i: number): void {
    if (b.physCount[i]! > 0) this.#lists.set(keyOf(b, i), down(b.listDma[b.dmaFirst[i]!]!));
  }

  /** A task announces that it unmaps a list. */
  ends(who: number, b: EventBatch, i: number): void {
    if (b.physCount[i] === 0) return;
    const key = keyOf(b, i);
    const iova = this.#lists.get(key);
    if (iova === undefined) return;
    this.#lists.delete(key);
    this.#ending.set(who, { device: b.device[i]!, iova });
  }

  /** The task unmaps a range. @returns the device whose list that is; null where it announced none, or another one */
  unmapped(who: number, from: number): number | null {
    const list = this.#ending.get(who);
    this.#ending.delete(who);
    return list?.iova === from ? list.device : null;
  }
}

/** A list by its device and its first buffer. */
const keyOf = (b: EventBatch, i: number): string => `${b.device[i]!} ${b.listPhys[b.physFirst[i]!]!}`;
