/**
 * Caches of what device tables say: the words of entries as they were fetched, so that what a device gets is decided by what
 * the unit once read, not by what memory holds now.
 *
 * Entries are kept in two legs: what leads to a device (VT-d context cache, AMD-Vi device table, SMMUv3 STE), and from there
 * to one address space of it (VT-d PASID cache, AMD-Vi GCR3, SMMUv3 CD).
 */
import type { MachineState } from "../../../state/machine_state.js";
import { Slots } from "./slots.js";
import { spaceWord } from "./tag.js";

/** Words of entries that one leg holds at most: an L1 descriptor of 2 words and an entry of 16. */
export const legWordsMax = 18;
const Word = { flags: 0, requester: 1, pasid: 2, domain: 3, counts: 4, words: 5 } as const;
const width = Word.words + legWordsMax;
/** In `flags`, beside the count of words. */
const marked = 0x100;

/** What an invalidation asks for; what is left out is not asked. */
export interface EntryScope {
  readonly requester?: number;
  /** Bits of the requester that are not compared. */
  readonly ignored?: number;
  readonly pasid?: number | null;
  /** The PASID that requests count as: of those without one too, where they have one by what leads to them. */
  readonly counts?: number;
  readonly domain?: number;
}

/** Whose entries are kept. */
export interface EntryOwner {
  readonly requester: number;
  readonly pasid: number | null;
  readonly domain: number;
  /** The PASID that its requests count as; left out: `pasid`. */
  readonly counts?: number | null;
}

export class EntryCache {
  readonly slots: Slots;
  readonly #entry = new Uint32Array(width);

  constructor(state: MachineState, o: { readonly name: string; readonly count: number }) {
    this.slots = new Slots(state, {
      name: o.name,
      doc: "entries of device tables with their tags",
      count: o.count,
      width,
    });
  }

  /** @returns the slot of a device, or of one of its address spaces; -1 when none is cached. */
  find(requester: number, pasid: number | null): number {
    for (let slot = 0; slot < this.slots.count; slot++) {
      if (!this.slots.isUsed(slot)) continue;
      if (this.slots.word(slot, Word.requester) !== requester) continue;
      if (this.slots.word(slot, Word.pasid) === spaceWord(pasid)) return slot;
    }
    return -1;
  }

  /** @returns how many words the slot holds. */
  copyTo(slot: number, into: Uint32Array, at: number): number {
    this.slots.copyTo(slot, this.#entry);
    const count = this.#entry[Word.flags]! % marked;
    into.set(this.#entry.subarray(Word.words, Word.words + count), at);
    return count;
  }

  /** Note once for a slot what the unit keeps of it besides the entry. @returns false when that was noted before */
  mark(slot: number): boolean {
    this.slots.copyTo(slot, this.#entry);
    if (this.#entry[Word.flags]! >= marked) return false;
    this.slots.set(slot, Word.flags, this.#entry[Word.flags]! + marked);
    return true;
  }

  fill(whose: EntryOwner, words: Uint32Array, way: number): void {
    const old = this.find(whose.requester, whose.pasid);
    if (old >= 0) this.slots.clear(old);
    const w = this.#entry.fill(0);
    w[Word.flags] = words.length;
    w[Word.requester] = whose.requester;
    w[Word.pasid] = spaceWord(whose.pasid);
    w[Word.domain] = whose.domain;
    w[Word.counts] = spaceWord(whose.counts === undefined ? whose.pasid : whose.counts);
    w.set(words, Word.words);
    this.slots.put(way, w);
  }

  invalidate({ requester, ignored = 0, pasid, counts, domain }: EntryScope): number {
    return this.slots.clearWhere((slot) => {
      if (requester !== undefined && ((this.slots.word(slot, Word.requester) ^ requester) & ~ignored) !== 0)
        return false;
      if (pasid !== undefined && this.slots.word(slot, Word.pasid) !== spaceWord(pasid)) return false;
      if (counts !== undefined && this.slots.word(slot, Word.counts) !== spaceWord(counts)) return false;
      return domain === undefined || this.slots.word(slot, Word.domain) === domain;
    });
  }
}
