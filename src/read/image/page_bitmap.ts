/** Which pages a dump holds, and the how-manieth of them each is. Costs one bit a page, and nothing for wide holes. */
import type { ByteSource } from "../bytes.js";
import { lastNotAbove } from "./frame_table.js";

/** Pages of a chunk: 4 KiB of bitmap. Chunks without a page are not kept. */
const chunkPagesLg2 = 15;
const chunkPages = 2 ** chunkPagesLg2;
const chunkWords = chunkPages / 32;
const chunkBytes = chunkPages / 8;
/** Chunks read at once. */
const blockChunks = 256;

export class PageBitmap {
  /** Pages held. */
  readonly count: number;
  readonly #chunks: readonly (Uint32Array | null)[];
  /** Pages held before each chunk. */
  readonly #before: Float64Array;

  /**
   * @param at where the bitmap begins; bit p % 8 of byte p / 8 is page p. What the source does not hold reads as 0.
   * @param pages bits before `first` and from `end` on do not count
   */
  constructor(source: ByteSource, at: number, pages: { readonly first: number; readonly end: number }) {
    const chunkCount = Math.ceil(pages.end / chunkPages);
    const chunks: (Uint32Array | null)[] = [];
    const before = new Float64Array(chunkCount);
    const block = new Uint32Array(blockChunks * chunkWords);
    const bytes = new Uint8Array(block.buffer);
    let count = 0;
    for (let c = 0; c < chunkCount; c++) {
      const inBlock = c % blockChunks;
      if (inBlock === 0) bytes.fill(0, source.read(at + c * chunkBytes, bytes));
      const words = block.subarray(inBlock * chunkWords, (inBlock + 1) * chunkWords);
      const from = c * chunkPages;
      clear(words, 0, pages.first - from);
      clear(words, pages.end - from, chunkPages);
      before[c] = count;
      const held = countBits(words, chunkWords);
      chunks.push(held === 0 ? null : words.slice());
      count += held;
    }
    this.count = count;
    this.#chunks = chunks;
    this.#before = before;
  }

  /** Whether page `p` is held; false for numbers that are no page. */
  has(p: number): boolean {
    const words = this.#chunks[Math.floor(p / chunkPages)];
    return words != null && (words[(p % chunkPages) >>> 5]! & (1 << (p & 31))) !== 0;
  }

  /** How many held pages stand before page `p`, which is held. */
  rank(p: number): number {
    const c = Math.floor(p / chunkPages);
    const inChunk = p % chunkPages;
    const words = this.#chunks[c]!;
    const below = words[inChunk >>> 5]! & ((1 << (inChunk & 31)) - 1);
    return this.#before[c]! + countBits(words, inChunk >>> 5) + bits(below);
  }

  /**
   * Visit held pages, ascending; `index` counts them. A visitor that returns false ends it.
   * @param from index of the first that is visited
   */
  each(visit: (page: number, index: number) => boolean, from = 0): void {
    const start = Math.max(0, lastNotAbove(this.#before, from));
    let index = this.#before[start] ?? 0;
    for (let c = start; c < this.#chunks.length; c++) {
      const words = this.#chunks[c];
      if (words == null) continue;
      for (let w = 0; w < chunkWords; w++) {
        let rest = words[w]!;
        for (; rest !== 0 && index < from; rest &= rest - 1) index++;
        for (; rest !== 0; rest &= rest - 1) {
          const bit = 31 - Math.clz32(rest & -rest);
          if (!visit(c * chunkPages + w * 32 + bit, index++)) return;
        }
      }
    }
  }

  /** Visit runs of held pages, ascending and as long as they are within words that are all set or all clear. */
  eachRun(visit: (first: number, count: number) => void): void {
    for (let c = 0; c < this.#chunks.length; c++) {
      const words = this.#chunks[c];
      if (words == null) continue;
      for (let w = 0; w < chunkWords; w++) {
        const base = c * chunkPages + w * 32;
        let rest = words[w]!;
        if (rest === 0xffffffff) visit(base, 32);
        else {
          while (rest !== 0) {
            const low = 31 - Math.clz32(rest & -rest);
            const above = ~(rest >>> low);
            const length = above === 0 ? 32 : 31 - Math.clz32(above & -above);
            visit(base + low, length);
            rest = low + length >= 32 ? 0 : rest & (-1 << (low + length));
          }
        }
      }
    }
  }
}

/** Clear bits from to end, which may lie outside. */
function clear(words: Uint32Array, from: number, end: number): void {
  for (let p = Math.max(0, from); p < Math.min(chunkPages, end); ) {
    if ((p & 31) === 0 && p + 32 <= end) {
      words[p >>> 5] = 0;
      p += 32;
    } else {
      words[p >>> 5]! &= ~(1 << (p & 31));
      p++;
    }
  }
}

function countBits(words: Uint32Array, count: number): number {
  let sum = 0;
  for (let w = 0; w < count; w++) sum += bits(words[w]!);
  return sum;
}

/** How many bits of a 32-bit word are set. */
function bits(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
