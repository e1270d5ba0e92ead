/** Translations merged into ranges, in columns: millions of leaves become a few thousand rows. */
import type { Allow } from "./root.js";

/** Grows by itself; row n is the nth of every column. Rows ascend by iova when leaves are pushed in that order. */
export class Ranges {
  /** Byte addresses; multiples of 4096, exact up to 2^64. */
  iova = new Float64Array(64);
  paddr = new Float64Array(64);
  bytes = new Float64Array(64);
  /** 1 read, 2 write, 3 both. */
  allow = new Uint8Array(64);
  /** Rows in use. */
  count = 0;
  /** Leaves that were pushed, and the bytes that they cover. */
  leafCount = 0;
  byteCount = 0;

  /**
   * Add neighbouring leaves of one permission; they join the last row when they continue it in both spaces.
   * @param leaves how many they are; 0 for a further piece of a leaf that was counted
   */
  push(iova: number, paddr: number, bytes: number, allow: Allow, leaves = 1): void {
    this.leafCount += leaves;
    this.byteCount += bytes;
    const last = this.count - 1;
    if (last >= 0 && this.allow[last] === allow) {
      const length = this.bytes[last]!;
      if (this.iova[last]! + length === iova && this.paddr[last]! + length === paddr) {
        this.bytes[last] = length + bytes;
        return;
      }
    }
    if (this.count === this.iova.length) this.#grow();
    this.iova[this.count] = iova;
    this.paddr[this.count] = paddr;
    this.bytes[this.count] = bytes;
    this.allow[this.count] = allow;
    this.count++;
  }

  /** Forget every row and keep the columns. */
  clear(): void {
    this.count = 0;
    this.leafCount = 0;
    this.byteCount = 0;
  }

  #grow(): void {
    const wider = (from: Float64Array<ArrayBuffer>) => {
      const to = new Float64Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.iova = wider(this.iova);
    this.paddr = wider(this.paddr);
    this.bytes = wider(this.bytes);
    const allow = new Uint8Array(this.allow.length * 2);
    allow.set(this.allow);
    this.allow = allow;
  }
}
