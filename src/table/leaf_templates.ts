/**
 * Entries of a format ready but for their address: composed once for each level and right, so that a mapper adds an address
 * by two ORs.
 */
import { EntryComposer } from "./compose.js";
import { Row, rowLength, type WalkPlan } from "./plan.js";
import type { Allow } from "./root.js";

/** Two words of an entry, or of what is added to one. */
export interface EntryWords {
  readonly low: number;
  readonly high: number;
}

const stride = rowLength;
const rightCount = 4;

export class LeafTemplates {
  /** What makes a leaf no other than it is. */
  readonly plain: EntryWords = { low: 0, high: 0 };
  readonly #plan: WalkPlan;
  readonly #composer: EntryComposer;
  /** By level and right. */
  readonly #isMade: Uint8Array;
  readonly #lows: Int32Array;
  readonly #highs: Int32Array;
  readonly #joined: (EntryWords | undefined)[] = [];
  /** Of the level and right that were needed last. */
  #last = -1;
  #level = 0;
  #low = 0;
  #high = 0;
  #addressLow = 0;
  #addressHigh = 0;

  constructor(plan: WalkPlan) {
    const count = (plan.level + 1) * rightCount;
    this.#plan = plan;
    this.#composer = new EntryComposer(plan);
    this.#isMade = new Uint8Array(count);
    this.#lows = new Int32Array(count);
    this.#highs = new Int32Array(count);
  }

  /** Can a leaf stand at this level? */
  isLeaf(level: number): boolean {
    return this.#composer.leafKind(level) >= 0;
  }

  /**
   * What follows is about leaves of this level with these rights.
   * @throws Misuse `not-expressible` when the format cannot give these rights and no others.
   */
  need(level: number, allow: Allow): this {
    const n = level * rightCount + allow;
    if (n === this.#last) return this;
    if (this.#isMade[n] !== 1) this.#make(level, allow, n);
    const { rows } = this.#plan;
    this.#last = n;
    this.#level = level;
    this.#low = this.#lows[n]!;
    this.#high = this.#highs[n]!;
    this.#addressLow = rows[level * stride + Row.leafAddressLow]!;
    this.#addressHigh = rows[level * stride + Row.leafAddressHigh]!;
    return this;
  }

  /** Lower word of a leaf that leads to an address, given as two words. */
  lowOf(low: number, high: number): number {
    const word = this.#low | (low & this.#addressLow);
    return this.#plan.frameHigh ? word | (((high >>> 16) & 15) << 12) : word;
  }

  highOf(high: number): number {
    return this.#high | (high & this.#addressHigh);
  }

  /** What SMMUv3's contiguous bit adds to a leaf of a level. */
  joined(level: number): EntryWords {
    const made = this.#joined[level];
    if (made !== undefined) return made;
    this.#composer.leaf(level, 0, 3);
    const { low, high } = this.#composer;
    this.#composer.join(level);
    const bit = { low: this.#composer.low & ~low, high: this.#composer.high & ~high };
    this.#joined[level] = bit;
    return bit;
  }

  /** What a size in the address adds to such a leaf (AMD-Vi v1). */
  encoded(sizeLg2: number): EntryWords {
    this.#composer.leaf(this.#level, 0, 3);
    this.#composer.encodeSize(sizeLg2);
    const { kindMask, kindShift } = this.#plan;
    const ones = (kindMask << kindShift) | ~0xfff;
    return { low: this.#composer.low & ones, high: this.#composer.high & 0xf_ffff };
  }

  /** A pointer from `level` to the table of level `next` at a byte address. */
  pointer(level: number, next: number, table: number): EntryWords {
    this.#composer.table(level, next, table);
    return { low: this.#composer.low, high: this.#composer.high };
  }

  #make(level: number, allow: Allow, n: number): void {
    this.#composer.leaf(level, 0, allow);
    this.#lows[n] = this.#composer.low;
    this.#highs[n] = this.#composer.high;
    this.#isMade[n] = 1;
  }
}
