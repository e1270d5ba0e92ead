/**
 * What a pool keeps of each allocation: one record of four words at its first slot.
 *
 * The kernel keeps three numbers for every slot (alloc_size, pad_slots, orig_addr); all follow from the record. The
 * padding is kept a second time at the slot where the mapping begins, because an address leads there. Source: Linux
 * kernel/dma/swiotlb.c, struct io_tlb_slot.
 */

import { setSlots, slotBytes, slotLg2 } from "../../spec/swiotlb/sizes.js";
import type { RawRecord } from "../../state/index.js";

import { recordWordsLg2 as wordsLg2 } from "./pool_state.js";

/** Slots, 0 where no allocation begins; bytes, rounding included; bytes of padding; the caller's tag. */
const Word = { slots: 0, bytes: 1, pad: 2, tag: 3 } as const;
const recordWords = 2 ** wordsLg2;
const inSlot = slotBytes - 1;
/** Padding of slots that no address leads to. */
const forgotten = -1;

export class Records {
  readonly #words: Int32Array;
  readonly #cells: RawRecord;

  /** @param cells four for each slot */
  constructor(cells: RawRecord) {
    this.#words = cells.words;
    this.#cells = cells;
  }

  /** An allocation is about to be kept, or forgotten: announce what that writes. @param pad as it is kept */
  about(first: number, pad: number): void {
    this.#cells.about(first << wordsLg2, recordWords);
    if (pad > inSlot) this.#cells.about(((first + (pad >> slotLg2)) << wordsLg2) + Word.pad, 1);
  }

  /** Keep an allocation. @param pad bytes from its first slot to the mapping's first byte */
  put(first: number, slots: number, bytes: number, pad: number): void {
    const words = this.#words;
    const at = first << wordsLg2;
    words[at + Word.slots] = slots;
    words[at + Word.bytes] = bytes;
    words[at + Word.pad] = pad;
    words[at + Word.tag] = -1;
    if (pad > inSlot) words[((first + (pad >> slotLg2)) << wordsLg2) + Word.pad] = pad;
  }

  /** Forget the allocation whose first slot is `head`. */
  erase(head: number): void {
    const words = this.#words;
    const at = head << wordsLg2;
    const pad = words[at + Word.pad]!;
    if (pad > inSlot) words[((head + (pad >> slotLg2)) << wordsLg2) + Word.pad] = 0;
    words[at + Word.slots] = 0;
    words[at + Word.pad] = 0;
  }

  /** The slots of an allocation behind its first `count`, to be erased next, stay taken; no address leads there. */
  leaveBehind(head: number, count: number): void {
    const words = this.#words;
    const at = head << wordsLg2;
    const rest = (head + count) << wordsLg2;
    this.#cells.about(rest, recordWords);
    words[rest + Word.slots] = words[at + Word.slots]! - count;
    words[rest + Word.bytes] = 0;
    words[rest + Word.pad] = forgotten;
    words[rest + Word.tag] = words[at + Word.tag]!;
  }

  /** The first slot of the allocation whose mapping begins in `slot`; -1 when none does. */
  headOf(slot: number): number {
    const words = this.#words;
    const pad = words[(slot << wordsLg2) + Word.pad]! >> slotLg2;
    const head = slot - pad;
    const at = head << wordsLg2;
    return words[at + Word.slots]! > 0 && words[at + Word.pad]! >> slotLg2 === pad ? head : -1;
  }

  /** The first slot of the allocation that holds `slot`; -1 when none does. */
  holderOf(slot: number): number {
    for (let s = slot; s >= 0 && slot - s < setSlots; s--) {
      const count = this.slots(s);
      if (count > 0) return s + count > slot ? s : -1;
    }
    return -1;
  }

  /** Slots of the allocation that begins at `head`; 0 when none does. */
  slots(head: number): number {
    return this.#words[(head << wordsLg2) + Word.slots] ?? 0;
  }

  bytes(head: number): number {
    return this.#words[(head << wordsLg2) + Word.bytes]!;
  }

  /** Bytes before the mapping's first byte. */
  pad(head: number): number {
    return Math.max(0, this.#words[(head << wordsLg2) + Word.pad]!);
  }

  tag(head: number): number {
    return this.#words[(head << wordsLg2) + Word.tag]!;
  }

  setTag(head: number, tag: number): void {
    this.#cells.about((head << wordsLg2) + Word.tag, 1);
    this.#words[(head << wordsLg2) + Word.tag] = tag;
  }
}
