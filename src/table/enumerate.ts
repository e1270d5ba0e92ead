/**
 * Every leaf of a table, in ascending order of input address.
 *
 * Tables may be hostile. An entry that points back to a table above is named in `troubles` and followed as a unit
 * follows it: each step goes down a level, so that the way ends. What a table leads to depends on where it stands, its
 * level and the rights that reach it, not on the way to it: of those without a leaf each is entered once. Many ways to
 * the same tables are followed within a share of the limits; beyond it a table that was entered before is left out, so
 * that every page is found, though not at every address, and `complete` is false. A table outside memory and an entry
 * that cannot be believed are named and left out. What a device's rights come to is the AND over the path; leaves with
 * no right at all, and leaves for privileged requests only, are not mappings.
 */

import { frameBytes } from "../base/frame.js";
import { hex } from "../base/hex.js";
import { u64, u64High } from "../base/u64.js";
import type { MemoryView, ReadonlyWords } from "../mem/view.js";
import { EntryTroubles, type Here } from "./entry_troubles.js";
import { Fault } from "./fault.js";
import { FrameSource } from "./frame_source.js";
import { userRight } from "./grants.js";
import { type LeafSink, Placed } from "./leaf_sink.js";
import { inputPlan, Kind, planOf, Row, rootProblem, rowLength, type WalkPlan } from "./plan.js";
import type { Allow, TableRoot } from "./root.js";
import type { Troubles } from "./trouble.js";
import { encodedSizeLg2, granted, kindOf, leafAddress, refusal, refusedBits, tableAddress } from "./walk.js";

const pageBytes = frameBytes;

export interface EnumerateOptions {
  /** Entries that may be looked at. A table that is read on many ways counts each time. Default 2^28. */
  readonly entryCountMax?: number;
  /** Calls of the sink. Default 2^24. */
  readonly pushCountMax?: number;
  /** Told of every table that is entered, at least once: its first frame, its frames, its level. */
  readonly visitTable?: (frame: number, frameCount: number, level: number) => void;
  /** The leaves are inputs of a second stage: none of them is an interrupt yet. Default false. */
  readonly outputIsInput?: boolean;
}

export interface Enumerated {
  readonly entryCount: number;
  readonly tableCount: number;
  /** false when a limit cut the answer short: there are leaves that were not pushed. */
  readonly complete: boolean;
  /** false when pages may be missing, and not only some of the addresses at which they are reached. */
  readonly everyPage: boolean;
}

const entryCountMaxDefault = 2 ** 28;
export const pushCountMaxDefault = 2 ** 24;
/** Beyond this share of a limit no table is entered twice: the rest is kept for tables that were not seen yet. */
const repeatShare = 1 / 4;

/** Push every leaf of a table into `sink`. A root that no format has is a trouble too. */
export function enumerate(
  memory: MemoryView,
  root: TableRoot,
  sink: LeafSink,
  troubles: Troubles,
  options: EnumerateOptions = {},
): Enumerated {
  const problem = rootProblem(root);
  if (problem !== null) {
    troubles.add({ kind: "reserved", entryAt: root.address, value: "0x0", iova: null, level: null, what: problem });
    return { entryCount: 0, tableCount: 0, complete: true, everyPage: true };
  }
  const walker = new Enumeration(FrameSource.of(memory), root, sink, troubles, options);
  walker.begin();
  return walker;
}

class Enumeration implements Enumerated {
  entryCount = 0;
  tableCount = 0;
  complete = true;
  everyPage = true;
  readonly #plan: WalkPlan;
  readonly #memory: FrameSource;
  readonly #root: TableRoot;
  readonly #sink: Placed;
  readonly #troubles: EntryTroubles;
  readonly #visit: EnumerateOptions["visitTable"];
  readonly #entryCountMax: number;
  readonly #pushCountMax: number;
  #pushCount = 0;
  /** Byte addresses of the tables above the one being read, by level. */
  readonly #path: number[];
  /** Tables that were entered, by place, level and rights: whether a leaf was pushed. Of level 0 only when sparing. */
  readonly #entered = new Map<number, boolean>();

  constructor(memory: FrameSource, root: TableRoot, sink: LeafSink, troubles: Troubles, o: EnumerateOptions) {
    this.#plan = o.outputIsInput === true ? inputPlan(root) : planOf(root);
    this.#memory = memory;
    this.#root = root;
    this.#sink = new Placed(this.#plan, sink);
    this.#troubles = new EntryTroubles(this.#plan, troubles);
    this.#visit = o.visitTable;
    this.#entryCountMax = o.entryCountMax ?? entryCountMaxDefault;
    this.#pushCountMax = o.pushCountMax ?? pushCountMaxDefault;
    this.#path = new Array<number>(this.#plan.format.levels.length).fill(-1);
  }

  begin(): void {
    const { address } = this.#root;
    const aligned = address - (address % this.#plan.rootAlign);
    const root = { at: aligned, lo: aligned | 0, hi: u64High(aligned), level: this.#plan.level, iova: 0 };
    this.#table(aligned, this.#plan.level, 0, this.#plan.rights, root);
    this.#troubles.close();
  }

  /**
   * Read one table, unless it was read before and there is nothing in it, or no room for it twice.
   * @param at its byte address
   * @param iova input address of its first entry, without the bits above the input
   * @param from the entry that led to it
   */
  #table(at: number, level: number, iova: number, rights: number, from: Here): void {
    const sparing =
      this.#pushCount > this.#pushCountMax * repeatShare || this.entryCount > this.#entryCountMax * repeatShare;
    const key = (Math.floor(at / pageBytes) * 8 + level) * 8 + rights;
    const noted = level > 0 || sparing;
    const fertile = noted ? this.#entered.get(key) : undefined;
    if (fertile === false) return;
    if (fertile === true && sparing) {
      this.complete = false;
      this.#troubles.leaveOut(from);
      return;
    }
    const again = fertile === true ? 1 : 0;
    const before = this.#pushCount;
    this.#troubles.again += again;
    this.#path[level] = at;
    this.#read(at, level, iova, rights, from);
    this.#path[level] = -1;
    this.#troubles.again -= again;
    if (noted) this.#entered.set(key, this.#pushCount > before);
  }

  #read(at: number, level: number, iova: number, rights: number, from: Here): void {
    this.tableCount++;
    const { rows } = this.#plan;
    const count = rows[level * rowLength + Row.indexMask]! + 1;
    const span = 2 ** rows[level * rowLength]!;
    if (this.#troubles.again === 0)
      this.#visit?.(Math.floor(at / pageBytes), Math.ceil((count * 8) / pageBytes), level);
    for (let done = 0; done < count && this.everyPage; ) {
      const address = at + done * 8;
      const frame = Math.floor(address / pageBytes);
      const within = address - frame * pageBytes;
      const part = Math.min(count - done, (pageBytes - within) / 8);
      const base = this.#memory.locate(frame);
      const first = iova + done * span;
      if (base >= 0) this.#part(this.#memory.words, base + within / 4, part, address, level, first, rights);
      else this.#outside({ ...from, level, iova: first }, address, part);
      done += part;
    }
  }

  /** Read `count` entries that lie in one frame, from word `from` on; `at` is the byte address of the first. */
  #part(
    words: ReadonlyWords,
    from: number,
    count: number,
    at: number,
    level: number,
    iova: number,
    rights: number,
  ): void {
    if (!this.#count(count, at, level, iova)) return;
    const p = this.#plan;
    const { rows, kindShift, kindMask, accessMask, presentMask } = p;
    const row = level * rowLength;
    const span = 2 ** rows[row]!;
    const kinds = rows[row + Row.kinds]!;
    const refusedLow = rows[row + Row.leafRefusedLow]!;
    const refusedHigh = rows[row + Row.leafRefusedHigh]!;
    const careLow = rows[row + Row.leafCareLow]!;
    const careHigh = rows[row + Row.leafCareHigh]!;
    // A run's low words rise by the page's size; where that is not a number of 32 bits, runs are single entries.
    const step = span < 2 ** 31 ? span | 0 : 0;
    const addressLow = rows[row + Row.leafAddressLow]!;
    const end = from + count * 2;
    for (let w = from; w < end; w += 2) {
      const lo = words[w]! | 0;
      if ((lo & presentMask) === 0) continue;
      const hi = words[w + 1]! | 0;
      const value = (lo >>> kindShift) & kindMask;
      const kind = (kinds >>> (value + value)) & 3;
      const entry = (w - from) >>> 1;
      if (kind !== Kind.leaf || ((lo & refusedLow) | (hi & refusedHigh)) !== 0 || (p.nextLevel && value === 7)) {
        if (kind === Kind.absent) continue;
        w += 2 * (this.#other(words, w, end, at + entry * 8, level, iova + entry * span, rights) - 1);
        if (!this.everyPage) return;
        continue;
      }
      let next = w + 2;
      if (step !== 0) {
        let expected = (lo + step) | 0;
        while (
          next < end &&
          (expected & addressLow) !== 0 &&
          (((words[next]! ^ expected) & careLow) | ((words[next + 1]! ^ hi) & careHigh)) === 0
        ) {
          expected = (expected + step) | 0;
          next += 2;
        }
      }
      const leaves = (next - w) >>> 1;
      w = next - 2;
      if ((lo & accessMask) !== accessMask) continue;
      const allowed = rights & granted(p, Kind.leaf, lo, hi);
      if (allowed <= userRight) continue;
      if (!this.#mayPush(at + entry * 8, level, iova + entry * span)) return;
      const paddr = leafAddress(p, level, lo, hi);
      this.#sink.push(iova + entry * span, paddr, leaves * span, (allowed & 3) as Allow, leaves);
    }
  }

  /** A table pointer, an entry that is refused, or a page with its size in the address. @returns entries dealt with */
  #other(
    words: ReadonlyWords,
    w: number,
    end: number,
    at: number,
    level: number,
    iova: number,
    rights: number,
  ): number {
    const p = this.#plan;
    const lo = words[w]! | 0;
    const hi = words[w + 1]! | 0;
    const here = { at, lo, hi, level, iova };
    const value = (lo >>> p.kindShift) & p.kindMask;
    const kind = kindOf(p, level, lo);
    if (kind === Kind.reserved) {
      this.#troubles.add("reserved", here, `${p.format.kind.name} is ${value}, which this level reserves`);
      return 1;
    }
    if (refusedBits(p, level, kind, lo, hi) !== 0) {
      const reserved = refusal(p, level, kind, lo, hi) === Fault.reserved;
      const what = reserved ? "reserved bits are set" : `the address has more than ${this.#root.outputBits} bits`;
      this.#troubles.add(reserved ? "reserved" : "address-size", here, what);
      return 1;
    }
    if (kind === Kind.leaf) return this.#encoded(words, w, end, here, rights);
    const allowed = rights & granted(p, kind, lo, hi);
    if (allowed <= userRight) return 1;
    const table = tableAddress(p, lo, hi);
    if (this.#path.includes(table)) this.#troubles.pointsBack(here, table);
    this.#table(table, p.nextLevel ? value - 1 : level - 1, iova, allowed, here);
    return 1;
  }

  /**
   * AMD-Vi v1, NextLevel 7: one page that takes several equal entries. Hardware reads only the entry of its address, so
   * entries that differ from their neighbours each stand for their own piece.
   */
  #encoded(words: ReadonlyWords, w: number, end: number, here: Here, rights: number): number {
    const p = this.#plan;
    const { lo, hi, level, iova } = here;
    const sizeLg2 = encodedSizeLg2(p, level, lo, hi);
    if (sizeLg2 === 0) {
      this.#troubles.add("reserved", here, "the page size in the address is not one of this level");
      return 1;
    }
    const size = 2 ** sizeLg2;
    const span = 2 ** p.rows[level * rowLength]!;
    const within = iova % size;
    const most = Math.min((size - within) / span, (end - w) >>> 1);
    const alike = (v: number) => ((words[v]! ^ lo) & ~accessedDirty) === 0 && (words[v + 1]! | 0) === hi;
    let count = 1;
    while (count < most && alike(w + 2 * count)) count++;
    const allowed = rights & granted(p, Kind.leaf, lo, hi);
    if (allowed > userRight) {
      const address = u64((lo & ~0xfff) >>> 0, hi & 0xf_ffff);
      const paddr = address - (address % size) + within;
      if (this.#mayPush(here.at, level, iova)) this.#sink.push(iova, paddr, count * span, (allowed & 3) as Allow, 1);
    }
    return count;
  }

  #mayPush(at: number, level: number, iova: number): boolean {
    if (++this.#pushCount <= this.#pushCountMax) return true;
    this.#stop(at, level, iova, `${this.#pushCountMax} runs of leaves were found`);
    return false;
  }

  #outside(from: Here, address: number, entryCount: number): void {
    this.#troubles.add("outside", from, `the table at ${hex(address)} lies outside memory`);
    this.#count(entryCount, from.at, from.level, from.iova);
  }

  /** @returns false when that was too many */
  #count(entryCount: number, at: number, level: number, iova: number): boolean {
    this.entryCount += entryCount;
    if (this.entryCount <= this.#entryCountMax) return true;
    this.#stop(at, level, iova, `${this.#entryCountMax} entries were looked at`);
    return false;
  }

  #stop(at: number, level: number, iova: number, why: string): void {
    this.complete = false;
    this.everyPage = false;
    this.#troubles.stop(at, level, iova, why);
  }
}

const accessedDirty = 0x60;
