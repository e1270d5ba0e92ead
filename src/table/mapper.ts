/**
 * Builds tables in memory, for every format: what a kernel's map and unmap do.
 *
 * Entries are composed from the same layouts that walkers are compiled from. Each is stored in one access. Tables are never
 * given back: an emptied table stays linked.
 */

import { Misuse } from "../base/assert.js";
import { hex } from "../base/hex.js";
import { behind, isOneLeaf, leafSizeLg2 } from "./behind.js";
import { EntryCursor } from "./cursor.js";
import { LeafRuns } from "./leaf_runs.js";
import { LeafSizes } from "./leaf_sizes.js";
import { LeafSplitter } from "./leaf_splitter.js";
import { LeafTemplates } from "./leaf_templates.js";
import { Kind, planOf, Row, rowLength, type WalkPlan } from "./plan.js";
import type { Allow, TableRoot } from "./root.js";
import { type AllocateFrames, TableMaker, type TableMemory } from "./table_maker.js";
import { inputFits, kindOf } from "./walk.js";

/* Constants of this module's own are folded into the code. */
const { absent: isAbsent, table: isTable, leaf: isLeaf } = Kind;
const stride = rowLength;
const perHalf = 2 ** -32;
/** Powers of two: `2 ** n` of a variable costs more than all of a mapping. */
const power = Float64Array.from({ length: 65 }, (_, n) => 2 ** n);

export interface MapperOptions {
  /** Use the largest leaf that alignment and length allow. Default true. */
  readonly superpages?: boolean;
  /** SMMUv3: set the contiguous bit on whole aligned runs. Default false. */
  readonly contiguous?: boolean;
  /** AMD-Vi v1: pages of every power of two, with the size in the address and the entry repeated. Default false. */
  readonly encodedSizes?: boolean;
  /** Unmap a part of a leaf: smaller ones take its place. Default false. */
  readonly split?: boolean;
  /** AMD-Vi v1: leave out levels whose address bits are zero. Default false. */
  readonly skipLevels?: boolean;
}

export class Mapper {
  readonly root: TableRoot;
  readonly #memory: TableMemory;
  readonly #plan: WalkPlan;
  readonly #leaves: LeafTemplates;
  readonly #sizes: LeafSizes;
  readonly #maker: TableMaker;
  readonly #runs: LeafRuns;
  readonly #splitter: LeafSplitter;
  readonly #joins: boolean;
  readonly #splits: boolean;
  readonly #cursor: EntryCursor;
  readonly #granule: number;
  readonly #outputEnd: number;
  /** Bytes of a leaf of level 1, where one is wanted; otherwise of nothing. */
  readonly #large: number;
  /** Bytes of an entry, by level. */
  readonly #spans: readonly number[];

  /**
   * @param memory holds the top table, zeros at first, and gives its frames as they stand
   * @throws Misuse `bad-root` when the format has no such table
   */
  constructor(memory: TableMemory, root: TableRoot, allocate: AllocateFrames, options: MapperOptions = {}) {
    const plan = planOf(root);
    const { format, rows } = plan;
    this.root = root;
    this.#memory = memory;
    this.#plan = plan;
    this.#leaves = new LeafTemplates(plan);
    this.#cursor = new EntryCursor(memory, plan, root.address - (root.address % plan.rootAlign));
    this.#granule = 2 ** format.granuleLg2;
    this.#outputEnd = 2 ** root.outputBits;
    this.#spans = format.levels.map((_, own) => 2 ** rows[own * stride + Row.shift]!);
    this.#large = options.superpages !== false && plan.level > 0 && this.#leaves.isLeaf(1) ? this.#spans[1]! : -1;
    this.#sizes = new LeafSizes(plan, (level) => this.#leaves.isLeaf(level), options);
    const parts = { plan, memory, leaves: this.#leaves };
    this.#maker = new TableMaker({ ...parts, allocate, skips: options.skipLevels === true });
    this.#runs = new LeafRuns(parts);
    this.#splitter = new LeafSplitter({ ...parts, maker: this.#maker });
    this.#joins = options.contiguous === true;
    this.#splits = options.split === true;
  }

  /** First frames of the tables made so far, without the top. */
  get tables(): readonly number[] {
    return this.#maker.made;
  }

  /**
   * Map `bytes` from `iova` on to memory from `paddr` on.
   *
   * @param iova byte address with the bits above the input as the root wants them
   * @throws Misuse `unaligned`, `input-size`, `address-size`, `not-expressible` (a right that the format cannot give
   *   alone) before anything is stored; `mapped` when it meets a leaf: what was mapped before it stays.
   */
  map(iova: number, paddr: number, bytes: number, allow: Allow): void {
    if (bytes === this.#granule && this.#mapPage(iova, paddr, allow)) return;
    if (bytes === this.#large && this.#mapLarge(iova, paddr, allow)) return;
    const granule = this.#granule;
    const isWhole = iova === Math.floor(iova) && paddr === Math.floor(paddr) && bytes === Math.floor(bytes);
    if (((iova | paddr | bytes) & (granule - 1)) !== 0 || !isWhole || bytes <= 0) {
      throw new Misuse("unaligned", `${hex(iova)}, ${hex(paddr)} and ${hex(bytes)} are multiples of ${granule}`);
    }
    this.#check(iova);
    this.#check(iova + bytes - granule);
    if (!(paddr >= 0 && paddr + bytes <= this.#outputEnd)) {
      throw new Misuse("address-size", `${hex(paddr)} to ${hex(paddr + bytes)}: ${this.root.outputBits} bits`);
    }
    this.#leaves.need(0, allow);
    for (let done = 0; done < bytes; ) done += this.#some(iova + done, paddr + done, bytes - done, allow);
  }

  /**
   * Remove every leaf that begins in the range, whole: a large leaf that begins in it is removed beyond its end. With
   * `split`, only what lies in the range: leaves across its ends become smaller ones first.
   * @returns bytes that are no longer mapped
   * @throws Misuse `inside-leaf` when the range begins inside a leaf.
   */
  unmap(iova: number, bytes: number): number {
    if (bytes === this.#granule && this.#unmapPage(iova)) return bytes;
    if (bytes === this.#large && this.#unmapLarge(iova)) return bytes;
    const end = iova + bytes;
    this.#check(iova);
    this.#check(end - this.#granule);
    if (this.#joins) for (const edge of [iova, end]) this.#unjoin(edge);
    const cursor = this.#cursor;
    let removed = 0;
    for (let at = iova; at < end; ) {
      cursor.seek(at | 0, (at * perHalf) | 0);
      const { level } = cursor;
      const span = this.#spans[cursor.kind === isTable ? cursor.next + 1 : level]!;
      if (cursor.kind !== isLeaf) {
        at = Math.floor(at / span) * span + span;
        continue;
      }
      const size = power[leafSizeLg2(this.#plan, cursor)]!;
      const isInside = Math.floor(at / size) * size !== at;
      if (this.#splits && size > this.#granule && (isInside || at + size > end)) {
        this.#splitter.split(cursor, size);
        continue;
      }
      if (isInside) throw new Misuse("inside-leaf", `${hex(at)} lies in a leaf of ${size} bytes at level ${level}`);
      const count = size / span;
      if (count === 1) {
        const most = this.#splits ? Math.floor((end - at) / size) : Math.ceil((end - at) / size);
        removed += this.#runs.clear(cursor, Math.min(cursor.room, most)) * size;
        at += this.#runs.passed * size;
      } else {
        for (let n = 0; n < count; n++) this.#memory.store64(cursor.address + n * 8, 0, 0);
        removed += size;
        at += size;
      }
    }
    return removed;
  }

  /**
   * What a kernel's iova_to_phys answers: rights, and bits that a unit would refuse, are not looked at.
   * @returns the byte address that one of a mapping leads to; -1 for none
   */
  translate(iova: number): number {
    return behind(this.#plan, this.#cursor, iova);
  }

  /** The way of most calls: one page, in the table that was met last. @returns false for all that is otherwise */
  #mapPage(iova: number, paddr: number, allow: Allow): boolean {
    const granule = this.#granule;
    if (!isMultiple(iova, granule) || !isMultiple(paddr, granule) || paddr + granule > this.#outputEnd) return false;
    if (this.#cursor.stay(iova | 0, (iova * perHalf) | 0) !== 0) return false;
    this.#storeLeaf(0, paddr, allow);
    return true;
  }

  /** The same of a leaf of level 1. */
  #mapLarge(iova: number, paddr: number, allow: Allow): boolean {
    const large = this.#large;
    if (!isMultiple(iova, large) || !isMultiple(paddr, large) || paddr + large > this.#outputEnd) return false;
    if (this.#cursor.stayAt(1, iova | 0, (iova * perHalf) | 0) !== 0) return false;
    this.#storeLeaf(1, paddr, allow);
    return true;
  }

  #storeLeaf(level: number, paddr: number, allow: Allow): void {
    const leaves = this.#leaves.need(level, allow);
    const high = (paddr * perHalf) | 0;
    this.#memory.store64(this.#cursor.address, leaves.lowOf(paddr | 0, high), leaves.highOf(high));
  }

  #unmapPage(iova: number): boolean {
    if (this.#joins || !isMultiple(iova, this.#granule)) return false;
    return this.#clearLeaf(0, this.#cursor.stay(iova | 0, (iova * perHalf) | 0));
  }

  #unmapLarge(iova: number): boolean {
    if (this.#joins || !isMultiple(iova, this.#large)) return false;
    return this.#clearLeaf(1, this.#cursor.stayAt(1, iova | 0, (iova * perHalf) | 0));
  }

  /** @param entry where the cursor stands; -1: nowhere */
  #clearLeaf(level: number, entry: number): boolean {
    if (entry === -1 || !isOneLeaf(this.#plan, level, entry)) return false;
    this.#memory.store64(this.#cursor.address, 0, 0);
    return true;
  }

  /** Map as much as one frame of a table and one size of leaf take. @returns bytes */
  #some(iova: number, paddr: number, bytes: number, allow: Allow): number {
    const cursor = this.#cursor;
    const low = iova | 0;
    const high = (iova * perHalf) | 0;
    cursor.seek(low, high);
    let sizeLg2 = this.#sizes.largest(low, high, paddr, bytes);
    let target = this.#sizes.levelOf(sizeLg2);
    for (;;) {
      // Where a table stands already, leaves are no larger than its entries.
      if (cursor.level < target) {
        target = this.#sizes.leafLevel(cursor.level);
        sizeLg2 = this.#plan.rows[target * stride + Row.shift]!;
      }
      if (cursor.kind === isTable) this.#maker.insert(cursor);
      else if (cursor.kind === isAbsent && cursor.level > target) this.#maker.add(cursor, low, high, target);
      else break;
      cursor.seek(low, high);
    }
    const { level } = cursor;
    if (cursor.kind !== isAbsent) throw new Misuse("mapped", `${hex(iova)} is mapped by a leaf at level ${level}`);
    const size = power[sizeLg2]!;
    if (size === this.#spans[level] && !this.#joins) return this.#run(paddr, bytes, allow);
    return this.#fill(size, iova, paddr, bytes, allow);
  }

  /** Leaves of their level's own size, from the entry at hand on, while there is room. @returns bytes */
  #run(paddr: number, bytes: number, allow: Allow): number {
    const { level, room } = this.#cursor;
    const span = this.#spans[level]!;
    this.#leaves.need(level, allow);
    return this.#runs.store(this.#cursor, paddr, span, Math.min(room, Math.floor(bytes / span))) * span;
  }

  /** The same of leaves that take several entries, and of those that a bit joins. @returns bytes */
  #fill(size: number, iova: number, paddr: number, bytes: number, allow: Allow): number {
    const { level, address, room } = this.#cursor;
    const span = this.#spans[level]!;
    const repeat = size / span;
    const leaves = this.#leaves.need(level, allow);
    const wanted = Math.min(Math.floor(bytes / size), Math.floor(room / repeat));
    const group = this.#joins ? 2 ** (this.#plan.format.contiguousLg2[level] ?? 0) : 1;
    let joined = 0;
    for (let n = 0; n < wanted; n++) {
      // The first entry is free, so one page of the level's own size fits where a larger one does not.
      if (!this.#isFree(n * repeat, repeat)) return n > 0 ? n * size : this.#run(paddr, span, allow);
      const to = paddr + n * size;
      if (joined === 0 && group > 1 && wanted - n >= group) {
        const aligned = (iova + n * size) % (group * size) === 0 && to % (group * size) === 0;
        if (aligned) joined = group;
      }
      const low = leaves.lowOf(to | 0, (to * perHalf) | 0);
      const high = leaves.highOf((to * perHalf) | 0);
      const more = repeat > 1 ? leaves.encoded(Math.log2(size)) : joined > 0 ? leaves.joined(level) : leaves.plain;
      if (joined > 0) joined--;
      for (let r = 0; r < repeat; r++)
        this.#memory.store64(address + (n * repeat + r) * 8, low | more.low, high | more.high);
    }
    return wanted * size;
  }

  /** Where a run of joined leaves lies across an address, they are single ones from now on. */
  #unjoin(edge: number): void {
    const cursor = this.#cursor;
    const [low, high] = [edge | 0, (edge * perHalf) | 0];
    if (edge >= 2 ** 64 || !inputFits(this.#plan, low, high)) return;
    cursor.seek(low, high);
    const group = 2 ** (this.#plan.format.contiguousLg2[cursor.level] ?? 0);
    if (cursor.kind !== isLeaf || group === 1) return;
    const bytes = group * this.#spans[cursor.level]!;
    if (Math.floor(edge / bytes) * bytes !== edge) this.#splitter.unjoin(cursor, group);
  }

  /** Whether entries are empty, counted from the one at hand. */
  #isFree(first: number, count: number): boolean {
    const { words, at, level } = this.#cursor;
    for (let n = first; n < first + count; n++)
      if (kindOf(this.#plan, level, words[at + n + n]! | 0) !== isAbsent) return false;
    return true;
  }

  #check(at: number): void {
    const fits = at >= 0 && at < 2 ** 64 && inputFits(this.#plan, at | 0, (at * perHalf) | 0);
    if (fits) return;
    throw new Misuse("input-size", `${hex(at)} is no input of ${this.root.inputBits} bits, ${this.root.upper} above`);
  }
}

/** Whether an address of 64 bits is a multiple of a power of two of 31 bits. */
const isMultiple = (at: number, bytes: number): boolean =>
  (at & (bytes - 1)) === 0 && at === Math.floor(at) && at >= 0 && at < 2 ** 64;
