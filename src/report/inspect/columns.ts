/**
 * Columns of numbers as text for a page: whole numbers below 2^53, seven bits to a byte, then base64.
 * Neighbouring ranges differ little, so that each takes about eight bytes.
 */
import { frameBytes } from "../../base/frame.js";
import { base64 } from "../../base/text_bytes.js";
import type { Ranges } from "../../table/ranges.js";

/** Writes numbers; grows by itself. */
export class PackedNumbers {
  #bytes = new Uint8Array(256);
  length = 0;

  /** @param n a whole number, 0 to 2^53 - 1 */
  add(n: number): void {
    if (this.length + 8 > this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    let rest = n;
    while (rest >= 128) {
      this.#bytes[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.length++] = rest;
  }

  /** A number that may be negative, above -2^52. */
  addSigned(n: number): void {
    this.add(n < 0 ? -2 * n - 1 : 2 * n);
  }

  base64(): string {
    return base64(this.#bytes.subarray(0, this.length));
  }
}

/** Rows of ranges as far as `bytesMax` reaches. */
export interface PackedRows {
  /**
   * For each row four numbers, in pages: signed step of the input address from the end of the row before, signed step
   * of the physical address likewise, pages, permission.
   */
  readonly packed: string;
  readonly count: number;
  /** Bytes before base64. */
  readonly bytes: number;
}

export function packRanges(ranges: Ranges, bytesMax: number): PackedRows {
  const out = new PackedNumbers();
  let iovaEnd = 0;
  let paddrEnd = 0;
  let row = 0;
  for (; row < ranges.count && out.length < bytesMax; row++) {
    const iova = ranges.iova[row]! / frameBytes;
    const paddr = ranges.paddr[row]! / frameBytes;
    const pages = ranges.bytes[row]! / frameBytes;
    out.addSigned(iova - iovaEnd);
    out.addSigned(paddr - paddrEnd);
    out.add(pages);
    out.add(ranges.allow[row]!);
    iovaEnd = iova + pages;
    paddrEnd = paddr + pages;
  }
  return { packed: out.base64(), count: row, bytes: out.length };
}

/** Places that a cut list of rows still covers, coarsely: ascending blocks of physical pages. */
export interface CoarseBlocks {
  /** For each block two numbers: pages since the end of the block before, and its pages. */
  readonly packed: string;
  readonly count: number;
  /** Gaps of fewer pages than this were taken as if they were covered. */
  readonly gapPages: number;
}

/** The rows from `first` on as at most `countMax` blocks; the closest ones are joined. */
export function coarseBlocks(ranges: Ranges, first: number, countMax: number): CoarseBlocks {
  const order = Float64Array.from({ length: ranges.count - first }, (_, i) => first + i);
  order.sort((a, b) => ranges.paddr[a]! - ranges.paddr[b]!);
  let gapPages = 1;
  let blocks = joined(ranges, order, gapPages);
  while (blocks.length > 2 * countMax) {
    gapPages *= 2;
    blocks = joined(ranges, order, gapPages);
  }
  const out = new PackedNumbers();
  let end = 0;
  for (let i = 0; i < blocks.length; i += 2) {
    out.add(blocks[i]! - end);
    out.add(blocks[i + 1]! - blocks[i]!);
    end = blocks[i + 1]!;
  }
  return { packed: out.base64(), count: blocks.length / 2, gapPages };
}

/** Begin and end of each block, one after the other. */
function joined(ranges: Ranges, order: Float64Array, gapPages: number): number[] {
  const blocks: number[] = [];
  for (const row of order) {
    const from = ranges.paddr[row]! / frameBytes;
    const to = from + ranges.bytes[row]! / frameBytes;
    const last = blocks.length - 1;
    if (last >= 0 && from - blocks[last]! < gapPages) blocks[last] = Math.max(blocks[last]!, to);
    else blocks.push(from, to);
  }
  return blocks;
}
