/**
 * Finds the entry that decides about an address, for who changes a table: a walk that begins at the lowest table it has
 * met on the way to a neighbour.
 *
 * The last tables are known, in pieces of one frame: some of level 0, one of each level above. What is known stays true
 * because a mapper never unlinks a table.
 */
import { Misuse } from "../base/assert.js";
import { frameBytes, type Mfn } from "../base/frame.js";
import { hex } from "../base/hex.js";
import type { MemoryView, ReadonlyWords } from "../mem/view.js";
import { Kind, maskOf, Row, rowLength, type WalkPlan } from "./plan.js";
import { kindOf, skipsOver, tableAddress } from "./walk.js";

/* Constants of this module's own are folded into the code. */
const pageBytes = frameBytes;
const { table: isTable } = Kind;
const stride = rowLength;
/** Entries of a frame, as a power of two. */
const frameEntriesLg2 = 9;
/** How many tables of level 0 are known at once; a power of two. */
const leafSlots = 64;
const slotMask = leafSlots - 1;

const nothing: ReadonlyWords = new Uint32Array(0);

export class EntryCursor {
  /** Where the entry lies: words of memory, its first one among them, and its byte address. */
  words = nothing;
  at = 0;
  address = 0;
  level = 0;
  low = 0;
  high = 0;
  /** How the entry is taken. `table`: one that skips levels, and the address is not of what it leads to. */
  kind: number = Kind.absent;
  readonly #memory: MemoryView;
  readonly #plan: WalkPlan;
  readonly #top: number;
  readonly #shift: Int32Array;
  readonly #leafShift: number;
  /** By level: the address bits that all of a piece share. */
  readonly #sharedLow: Int32Array;
  readonly #sharedHigh: Int32Array;
  /** Known pieces, many of level 0 and one of each other: an address in it, its own address, and where its entries lie. */
  readonly #ofLow: Int32Array;
  readonly #ofHigh: Int32Array;
  readonly #piece: Float64Array;
  readonly #words: ReadonlyWords[];
  readonly #first: Int32Array;
  /** Memory in one piece, as it was last found: its words, and its first frame and the one after its last. */
  #segment = nothing;
  #begin = 0;
  #end = 0;

  /** @param top byte address of the top table */
  constructor(memory: MemoryView, plan: WalkPlan, top: number) {
    this.#memory = memory;
    this.#plan = plan;
    this.#top = top;
    const levels = Array.from({ length: plan.level + 1 }, (_, level) => plan.rows[level * stride + Row.shift]!);
    const shared = levels.map((shift) => maskOf(63, shift + frameEntriesLg2));
    const count = leafSlots + levels.length;
    this.#shift = Int32Array.from(levels);
    this.#leafShift = levels[0]!;
    this.#sharedLow = Int32Array.from(shared, ({ low }) => low);
    this.#sharedHigh = Int32Array.from(shared, ({ high }) => high);
    this.#ofLow = new Int32Array(count);
    this.#ofHigh = new Int32Array(count);
    this.#piece = new Float64Array(count).fill(-1);
    this.#words = new Array<ReadonlyWords>(count).fill(nothing);
    this.#first = new Int32Array(count);
  }

  /**
   * The way of most calls: an entry of level 0 in a table that is known. It tells where the entry is and no more of it.
   * @returns the entry's lower word; -1 when there is none, or the word is that: then `seek`
   */
  stay(low: number, high: number): number {
    const shift = this.#leafShift;
    // Of no granule does an index of level 0 reach beyond the lower word.
    const slot = (low >>> (shift + 9)) & slotMask;
    const off =
      ((low ^ this.#ofLow[slot]!) & this.#sharedLow[0]!) | ((high ^ this.#ofHigh[slot]!) & this.#sharedHigh[0]!);
    return off !== 0 ? -1 : this.#stayIn(slot, (low >>> shift) & 511);
  }

  /** The same of a level above. */
  stayAt(level: number, low: number, high: number): number {
    const slot = this.#slot(level, low);
    const off =
      ((low ^ this.#ofLow[slot]!) & this.#sharedLow[level]!) |
      ((high ^ this.#ofHigh[slot]!) & this.#sharedHigh[level]!);
    return off !== 0 ? -1 : this.#stayIn(slot, this.#index(level, low, high) & 511);
  }

  /** Stand on the entry that decides about an address, given as two words. @throws Misuse `outside-memory`. */
  seek(low: number, high: number): void {
    const { level: top } = this.#plan;
    for (let level = 0; level < top; level++) {
      const slot = this.#slot(level, low);
      const off =
        ((low ^ this.#ofLow[slot]!) & this.#sharedLow[level]!) |
        ((high ^ this.#ofHigh[slot]!) & this.#sharedHigh[level]!);
      if (off !== 0 || this.#piece[slot]! < 0) continue;
      this.#standIn(level, low, high);
      if (this.kind === isTable) this.#descend(low, high);
      return;
    }
    const index = this.#index(top, low, high) & this.#plan.topIndexMask;
    this.address = this.#top + index * 8;
    this.at = this.#locate(this.address);
    this.words = this.#segment;
    this.level = top;
    this.#read();
    if (this.kind === isTable) this.#descend(low, high);
  }

  /** Entries from this one on that lie in the same frame and table. */
  get room(): number {
    const entries = Math.min(this.#plan.rows[this.level * stride + Row.indexMask]! + 1, 2 ** frameEntriesLg2);
    return entries - (((this.address % pageBytes) / 8) & (entries - 1));
  }

  /** Level of the table that the entry at hand points to. */
  get next(): number {
    const { nextLevel, kindShift, kindMask } = this.#plan;
    return nextLevel ? ((this.low >>> kindShift) & kindMask) - 1 : this.level - 1;
  }

  #descend(low: number, high: number): void {
    const plan = this.#plan;
    for (;;) {
      const { next } = this;
      if (next < this.level - 1 && skipsOver(plan, this.level, next, low, high)) return;
      const index = this.#index(next, low, high) & plan.indexMask;
      const piece = tableAddress(plan, this.low, this.high) + (index >>> frameEntriesLg2) * pageBytes;
      const slot = this.#slot(next, low);
      this.#first[slot] = this.#locate(piece);
      this.#words[slot] = this.#segment;
      this.#piece[slot] = piece;
      this.#ofLow[slot] = low;
      this.#ofHigh[slot] = high;
      this.#standIn(next, low, high);
      if (this.kind !== isTable) return;
    }
  }

  #stayIn(slot: number, entry: number): number {
    const words = this.#words[slot]!;
    const at = this.#first[slot]! + entry + entry;
    if (at >= words.length) return -1;
    this.words = words;
    this.at = at;
    this.address = this.#piece[slot]! + entry * 8;
    return words[at]! | 0;
  }

  #standIn(level: number, low: number, high: number): void {
    const entry = this.#index(level, low, high) & 511;
    const slot = this.#slot(level, low);
    this.words = this.#words[slot]!;
    this.at = this.#first[slot]! + entry + entry;
    this.address = this.#piece[slot]! + entry * 8;
    this.level = level;
    this.#read();
  }

  #read(): void {
    this.low = this.words[this.at]! | 0;
    this.high = this.words[this.at + 1]! | 0;
    this.kind = kindOf(this.#plan, this.level, this.low);
  }

  #index(level: number, low: number, high: number): number {
    const shift = this.#shift[level]!;
    return shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32);
  }

  #slot(level: number, low: number): number {
    return level === 0 ? (low >>> (this.#leafShift + 9)) & slotMask : slotMask + level;
  }

  /** @returns index in `#segment` of the word at a byte address */
  #locate(address: number): number {
    const frame = Math.floor(address / pageBytes);
    if (frame < this.#begin || frame >= this.#end) this.#find(frame, address);
    return (address - this.#begin * pageBytes) / 4;
  }

  #find(frame: number, address: number): void {
    const segment = this.#memory.segment?.(frame as Mfn);
    const words = segment?.words ?? this.#memory.frame(frame as Mfn);
    if (words === undefined) throw new Misuse("outside-memory", `a table at ${hex(address)}`);
    this.#segment = words;
    this.#begin = segment?.first ?? frame;
    this.#end = this.#begin + (segment?.frameCount ?? 1);
  }
}
