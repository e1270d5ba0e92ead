/**
 * Builds tables in memory, for every format: what a kernel's map and unmap do.
 *
 * Entries are composed from the same layouts that walkers are compiled from. Entries are stored in place, the half that
 * makes them present last. Tables are never given back: an emptied table stays linked.
 */

import { Misuse } from "../base/assert.js";
import { frameBytes, type Mfn } from "../base/frame.js";
import { hex } from "../base/hex.js";
import { u64High, u64Low } from "../base/u64.js";
import type { MemoryView, ReadonlyWords } from "../mem/view.js";
import { EntryComposer } from "./compose.js";
import type { TableFormat } from "./format.js";
import { formats } from "./formats.js";
import { Kind, planOf, Row, rowLength, type WalkPlan } from "./plan.js";
import type { Allow, TableRoot } from "./root.js";
import { encodedSizeLg2, inputFits, kindOf, tableAddress } from "./walk.js";

const pageBytes = frameBytes;

export interface MapperOptions {
  /** Use the largest leaf that alignment and length allow. Default true. */
  readonly superpages?: boolean;
  /** SMMUv3: set the contiguous bit on whole aligned runs. Default false. */
  readonly contiguous?: boolean;
  /** AMD-Vi v1: pages of every power of two, with the size in the address and the entry repeated. Default false. */
  readonly encodedSizes?: boolean;
  /** AMD-Vi v1: leave out levels whose address bits are zero. Default false. */
  readonly skipLevels?: boolean;
  /** Told of each entry after it was stored: its byte address and its two words. */
  readonly onStore?: (at: number, low: number, high: number) => void;
}

/** Memory that tables are built in. */
export interface TableMemory extends MemoryView {
  /** One store of 32 bits. @param address a multiple of 4 */
  store32(address: number, value: number): void;
}

/**
 * Gives `frameCount` neighbouring frames of zeros that the memory holds, aligned to their number.
 * @returns the first frame
 */
export type AllocateFrames = (frameCount: number) => number;

export class Mapper {
  readonly root: TableRoot;
  /** First frames of the tables made so far, without the top. */
  readonly tables: number[] = [];
  readonly #memory: TableMemory;
  readonly #allocate: AllocateFrames;
  readonly #options: MapperOptions;
  readonly #format: TableFormat;
  readonly #plan: WalkPlan;
  readonly #composer: EntryComposer;
  readonly #spans: readonly number[];

  /**
   * @param memory holds the top table, zeros at first, and gives its frames as they stand
   * @throws Misuse `bad-root` when the format has no such table
   */
  constructor(memory: TableMemory, root: TableRoot, allocate: AllocateFrames, options: MapperOptions = {}) {
    this.root = root;
    this.#memory = memory;
    this.#allocate = allocate;
    this.#options = options;
    this.#format = formats[root.format];
    this.#plan = planOf(root);
    this.#composer = new EntryComposer(this.#plan);
    this.#spans = this.#format.levels.map((_, own) => 2 ** this.#plan.rows[own * rowLength]!);
  }

  /**
   * Map `bytes` from `iova` on to memory from `paddr` on.
   *
   * @param iova byte address with the bits above the input as the root wants them
   * @throws Misuse `unaligned`, `input-size`, `address-size`, `not-expressible` (a right that the format cannot give
   *   alone) before anything is stored; `mapped` when it meets a leaf: what was mapped before it stays.
   */
  map(iova: number, paddr: number, bytes: number, allow: Allow): void {
    const granule = 2 ** this.#format.granuleLg2;
    if (iova % granule !== 0 || paddr % granule !== 0 || bytes % granule !== 0 || bytes <= 0) {
      throw new Misuse("unaligned", `${hex(iova)}, ${hex(paddr)} and ${hex(bytes)} are multiples of ${granule}`);
    }
    this.#check(iova, bytes);
    if (paddr + bytes > 2 ** this.root.outputBits) {
      throw new Misuse("address-size", `${hex(paddr)} to ${hex(paddr + bytes)}: ${this.root.outputBits} bits`);
    }
    this.#composer.leaf(0, 0, allow);
    for (let done = 0; done < bytes; ) done += this.#some(iova + done, paddr + done, bytes - done, allow);
  }

  /**
   * Remove every leaf that begins in the range, whole: a large leaf that begins in it is removed beyond its end.
   * @returns bytes that are no longer mapped
   * @throws Misuse `inside-leaf` when the range begins inside a leaf.
   */
  unmap(iova: number, bytes: number): number {
    this.#check(iova, bytes);
    let removed = 0;
    for (let at = iova; at < iova + bytes; ) {
      const { level, address, span, leafBytes, entryCount } = this.#find(at);
      if (leafBytes === 0) {
        at = at - (at % span) + span;
        continue;
      }
      const begin = at - (at % leafBytes);
      if (begin !== at)
        throw new Misuse("inside-leaf", `${hex(at)} lies in a leaf of ${leafBytes} bytes at level ${level}`);
      for (let i = 0; i < entryCount; i++) this.#store(address + i * 8, 0, 0);
      removed += leafBytes;
      at += leafBytes;
    }
    return removed;
  }

  /** Map as much as one table and one size of leaf take. @returns bytes */
  #some(iova: number, paddr: number, bytes: number, allow: Allow): number {
    let { level: target, sizeLg2 } = this.#size(iova, paddr, bytes);
    let table = this.#top();
    for (let level = this.root.level; ; ) {
      const address = table + this.#index(iova, level) * 8;
      const { low, high, kind, value } = this.#read(address, level);
      if (kind === Kind.leaf) throw new Misuse("mapped", `${hex(iova)} is mapped by a leaf at level ${level}`);
      if (kind === Kind.table) {
        if (level === target) {
          target = level - 1;
          sizeLg2 = this.#plan.rows[target * rowLength]!;
        }
        const next = this.#format.nextLevel ? value - 1 : level - 1;
        if (next < level - 1 && this.#skips(iova, level, next)) {
          table = this.#insert(address, level, low, high);
          level--;
          continue;
        }
        table = tableAddress(this.#plan, low, high);
        level = next;
        if (level < target) {
          target = level;
          sizeLg2 = this.#plan.rows[target * rowLength]!;
        }
        continue;
      }
      if (level === target) return this.#fill(address, level, sizeLg2, iova, paddr, bytes, allow);
      const skips = this.#options.skipLevels === true && this.#format.nextLevel;
      const next = skips ? this.#lowest(iova, level, target) : level - 1;
      table = this.#newTable(address, level, next);
      level = next;
    }
  }

  /** Leaves of one size side by side in one table, from the entry at `address` on, while there is room. */
  #fill(
    address: number,
    level: number,
    sizeLg2: number,
    iova: number,
    paddr: number,
    bytes: number,
    allow: Allow,
  ): number {
    const span = this.#spans[level]!;
    const size = 2 ** sizeLg2;
    const room = this.#entryCount(level) - this.#index(iova, level);
    const leaves = Math.min(Math.floor(bytes / size), Math.floor((room * span) / size));
    const repeat = size / span;
    const group = 2 ** (this.#options.contiguous === true ? (this.#format.contiguousLg2[level] ?? 0) : 0);
    let joined = 0;
    for (let n = 0; n < leaves; n++) {
      const from = paddr + n * size;
      if (!this.#free(address + n * repeat * 8, level, repeat)) {
        if (n > 0) return n * size;
        // The first entry is free, so one page of the level's own size fits.
        return this.#fill(address, level, Math.log2(span), iova, paddr, span, allow);
      }
      if (joined === 0 && group > 1 && leaves - n >= group) {
        const aligned = (iova + n * size) % (group * size) === 0 && from % (group * size) === 0;
        if (aligned) joined = group;
      }
      this.#composer.leaf(level, from, allow);
      if (repeat > 1) this.#composer.encodeSize(sizeLg2);
      if (joined > 0) {
        this.#composer.join(level);
        joined--;
      }
      const { low, high } = this.#composer;
      for (let r = 0; r < repeat; r++) this.#store(address + (n * repeat + r) * 8, low, high);
    }
    return leaves * size;
  }

  #free(address: number, level: number, entryCount: number): boolean {
    for (let i = 0; i < entryCount; i++) if (this.#read(address + i * 8, level).kind !== Kind.absent) return false;
    return true;
  }

  #size(iova: number, paddr: number, bytes: number): { level: number; sizeLg2: number } {
    const { rows } = this.#plan;
    if (this.#options.superpages === false) return { level: 0, sizeLg2: rows[0]! };
    if (this.#options.encodedSizes === true && this.#format.nextLevel) return this.#anySize(iova, paddr, bytes);
    for (let level = Math.min(this.root.level, this.#format.levels.length - 1); level > 0; level--) {
      const span = this.#spans[level]!;
      if (span > bytes || iova % span !== 0 || paddr % span !== 0) continue;
      if (this.#composer.leafKind(level) >= 0 && !(this.#format.nextLevel && level > 2)) {
        return { level, sizeLg2: rows[level * rowLength]! };
      }
    }
    return { level: 0, sizeLg2: rows[0]! };
  }

  /** AMD-Vi v1: the largest power of two. 512 GiB is left out, as processors are said to get it wrong. */
  #anySize(iova: number, paddr: number, bytes: number): { level: number; sizeLg2: number } {
    const most = Math.min(this.root.level * 9 + 20, this.root.inputBits, 47);
    for (let sizeLg2 = most; sizeLg2 > 12; sizeLg2--) {
      const size = 2 ** sizeLg2;
      if (sizeLg2 === 39 || size > bytes || iova % size !== 0 || paddr % size !== 0) continue;
      return { level: Math.floor((sizeLg2 - 12) / 9), sizeLg2 };
    }
    return { level: 0, sizeLg2: 12 };
  }

  #newTable(address: number, level: number, next: number): number {
    const frame = this.#allocate(2 ** (this.#format.granuleLg2 - 12));
    this.tables.push(frame);
    this.#link(address, level, next, frame * pageBytes);
    return frame * pageBytes;
  }

  #link(address: number, level: number, next: number, table: number): void {
    this.#composer.table(level, next, table);
    this.#store(address, this.#composer.low, this.#composer.high);
  }

  /** Put a table between an entry and the lower table it skips to. @returns its byte address */
  #insert(address: number, level: number, low: number, high: number): number {
    const frame = this.#allocate(1);
    this.tables.push(frame);
    this.#store(frame * pageBytes, low, high);
    this.#link(address, level, level - 1, frame * pageBytes);
    return frame * pageBytes;
  }

  /** The lowest level to which the entry for `iova` at `level` may lead, not below `target`. */
  #lowest(iova: number, level: number, target: number): number {
    for (let next = target; next < level - 1; next++) if (!this.#skips(iova, level, next)) return next;
    return level - 1;
  }

  #skips(iova: number, level: number, next: number): boolean {
    return Math.floor((iova % this.#spans[level]!) / this.#spans[next + 1]!) !== 0;
  }

  /** The entry that decides about an address. */
  #find(iova: number) {
    let table = this.#top();
    for (let level = this.root.level; ; ) {
      const address = table + this.#index(iova, level) * 8;
      const span = this.#spans[level]!;
      const { low, high, kind, value } = this.#read(address, level);
      const none = { level, address, span, leafBytes: 0, entryCount: 0 };
      if (kind === Kind.leaf) {
        const encoded = this.#format.nextLevel && value === 7;
        const leafBytes = encoded ? 2 ** encodedSizeLg2(this.#plan, level, low, high) : span;
        const entryCount = leafBytes / span;
        const within = Math.floor((iova % leafBytes) / span) * 8;
        return { ...none, address: address - within, leafBytes, entryCount };
      }
      if (kind !== Kind.table) return none;
      const next = this.#format.nextLevel ? value - 1 : level - 1;
      if (next < level - 1 && this.#skips(iova, level, next)) return { ...none, span: this.#spans[next + 1]! };
      table = tableAddress(this.#plan, low, high);
      level = next;
    }
  }

  #read(address: number, level: number): { low: number; high: number; kind: number; value: number } {
    const { kindShift, kindMask } = this.#plan;
    const words = this.#words(address);
    const at = (address % pageBytes) / 4;
    const low = words[at]! | 0;
    const high = words[at + 1]! | 0;
    return { low, high, kind: kindOf(this.#plan, level, low), value: (low >>> kindShift) & kindMask };
  }

  #store(address: number, low: number, high: number): void {
    if (low === 0) this.#memory.store32(address, 0);
    this.#memory.store32(address + 4, high);
    if (low !== 0) this.#memory.store32(address, low);
    this.#options.onStore?.(address, low >>> 0, high >>> 0);
  }

  #words(address: number): ReadonlyWords {
    const words = this.#memory.frame(Math.floor(address / pageBytes) as Mfn);
    if (words === undefined) throw new Misuse("outside-memory", `a table at ${hex(address)}`);
    return words;
  }

  #top(): number {
    return this.root.address - (this.root.address % this.#plan.rootAlign);
  }

  #entryCount(level: number): number {
    return this.#plan.rows[level * rowLength + Row.indexMask]! + 1;
  }

  #index(iova: number, level: number): number {
    return Math.floor(iova / this.#spans[level]!) % this.#entryCount(level);
  }

  #check(iova: number, bytes: number): void {
    for (const at of [iova, iova + bytes - 2 ** this.#format.granuleLg2]) {
      const high = u64High(at) | 0;
      if (!inputFits(this.#plan, u64Low(at) | 0, high)) {
        throw new Misuse(
          "input-size",
          `${hex(at)} is no input of ${this.root.inputBits} bits, ${this.root.upper} above`,
        );
      }
    }
  }
}
