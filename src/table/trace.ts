/**
 * The walk entry by entry, for explanations: what `walk` decides, with every entry that it read.
 *
 * A nested walk reads first-stage tables through the second stage; each step then carries the walk that found its table.
 */

import { frameBytes } from "../base/frame.js";
import { hex } from "../base/hex.js";
import { u64 } from "../base/u64.js";
import type { About } from "../bits/layout.js";
import type { MemoryView } from "../mem/view.js";
import { Fault, type FaultName, faultParts } from "./fault.js";
import type { EntryKind, EntryShape } from "./format.js";
import { FrameSource } from "./frame_source.js";
import { inputPlan, Kind, planOf, Row, rowLength, type WalkPlan } from "./plan.js";
import type { Allow, TableRoot } from "./root.js";
import {
  encodedSizeLg2,
  granted,
  kindOf,
  leafAddress,
  type Need,
  refusal,
  refusedBits,
  skipsOver,
  tableAddress,
  walk,
} from "./walk.js";

const pageBytes = frameBytes;

/** One entry that was read; fits `EntryRead` of the device tables. */
export interface TraceStep {
  /** Byte address of the entry, as its stage names it: a second-stage input in the first stage of a nested walk. */
  readonly at: number;
  /** Its two words, copied. */
  readonly words: Uint32Array;
  readonly about: About;
  readonly stage: "first" | "second";
  /** 0 = the level that holds only leaves. */
  readonly level: number;
  /** The vendor's name of an entry of this level. */
  readonly name: string;
  readonly kind: EntryKind;
  /** What it led to, in words. */
  readonly meaning: string;
  /** The address that this stage translates, and which of its bits chose the entry. */
  readonly input: bigint;
  readonly indexBits: { readonly msb: number; readonly lsb: number };
  /** Nested: how the second stage found this entry. */
  readonly through: Trace | null;
}

/** What a walk reached. */
export interface Reached {
  /** Byte address. */
  readonly paddr: number;
  /** Bytes of the leaf; nested: of the smaller one. */
  readonly bytes: number;
  readonly allow: Allow;
}

/** Why a walk reached nothing. */
export interface NotReached {
  readonly fault: FaultName;
  /** The walker's number for it. */
  readonly number: number;
  readonly why: string;
  /** Nothing was read: the table's own address, or the input address, is at fault. */
  readonly atTop: boolean;
  readonly stage: "first" | "second";
  /** Nested: the second stage refused a table of the first. */
  readonly onFirstStageTable: boolean;
  /** The address that the stage which refused was given; of `outside`, that of the entry which memory does not hold. */
  readonly at: number;
}

/** A walk, entry by entry. */
export interface Trace {
  readonly steps: readonly TraceStep[];
  /** Nested: how the second stage translated what the first stage gave; null when it did not come to that. */
  readonly final: Trace | null;
  readonly result: Reached | NotReached;
}

/** Did a walk reach memory? */
export const isReached = (r: Reached | NotReached): r is Reached => "paddr" in r;

/** @param iova byte address; a bigint where it is beyond 2^53 and not a multiple of 4096 */
export function trace(memory: MemoryView, root: TableRoot, iova: number | bigint, need: Need): Trace {
  const plan = planOf(root);
  return new Walk(FrameSource.of(memory), plan, root, null).run(iova, need);
}

/** The same through two stages. */
export function traceNested(
  memory: MemoryView,
  roots: { readonly first: TableRoot; readonly second: TableRoot },
  iova: number | bigint,
  need: Need,
): Trace {
  const source = FrameSource.of(memory);
  const first = new Walk(source, inputPlan(roots.first), roots.first, roots.second).run(iova, need);
  if (!isReached(first.result)) return first;
  const { paddr, bytes, allow } = first.result;
  const final = new Walk(source, planOf(roots.second), roots.second, null).run(paddr, need);
  if (!isReached(final.result)) return { ...first, final, result: final.result };
  const both = (allow & final.result.allow) as Allow;
  const smaller = Math.min(bytes, final.result.bytes);
  return { ...first, final, result: { paddr: final.result.paddr, bytes: smaller, allow: both } };
}

class Walk {
  readonly #memory: FrameSource;
  readonly #plan: WalkPlan;
  readonly #root: TableRoot;
  readonly #second: TableRoot | null;
  readonly #steps: TraceStep[] = [];
  #input = 0n;

  constructor(memory: FrameSource, plan: WalkPlan, root: TableRoot, second: TableRoot | null) {
    this.#memory = memory;
    this.#plan = plan;
    this.#root = root;
    this.#second = second;
  }

  run(iova: number | bigint, need: Need): Trace {
    const address = BigInt(iova);
    this.#input = address;
    const offset = Number(address & 0xfffn);
    const low = Number(BigInt.asIntN(32, address)) & ~0xfff;
    const high = Number(BigInt.asIntN(32, address >> 32n));
    const result = this.#walk(low, high, offset, need);
    return { steps: this.#steps, final: null, result };
  }

  #walk(low: number, high: number, offset: number, need: Need): Reached | NotReached {
    const p = this.#plan;
    const dfn = (low >>> 12) + (high >>> 0) * 0x10_0000;
    let rights = p.rights;
    let table = this.#root.address - (this.#root.address % p.rootAlign);
    // The walker itself decides; this only retells, and the two are held against each other by tests.
    if (walk(p, nowhere, 0, dfn, 0) === Fault.inputSize) return this.#fault(Fault.inputSize);
    for (let level = p.level; ; ) {
      const row = level * rowLength;
      const shift = p.rows[row]!;
      const bits = shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32);
      const at = table + (bits & p.rows[row + Row.indexMask]!) * 8;
      const found = this.#fetch(at);
      if ("fault" in found) return found;
      const { lo, hi, through } = found;
      const step = (kind: EntryKind, meaning: string) => this.#step(at, lo, hi, level, kind, meaning, through);
      const value = (lo >>> p.kindShift) & p.kindMask;
      const kind = kindOf(p, level, lo);
      if (kind === Kind.absent) {
        step("absent", "not present");
        return this.#fault(Fault.absent);
      }
      if (kind === Kind.reserved) {
        step("reserved", `${p.format.kind.name} is ${value}, which is reserved here`);
        return this.#fault(Fault.reserved);
      }
      if (refusedBits(p, level, kind, lo, hi) !== 0) {
        const fault = refusal(p, level, kind, lo, hi);
        step("reserved", fault === Fault.reserved ? "reserved bits are set" : "the address is too wide");
        return this.#fault(fault);
      }
      if (kind === Kind.table) {
        rights &= granted(p, kind, lo, hi);
        table = tableAddress(p, lo, hi);
        const next = p.nextLevel ? value - 1 : level - 1;
        step("table", `table at ${hex(table)}${level - next > 1 ? `, ${level - next - 1} levels skipped` : ""}`);
        if (next < level - 1 && skipsOver(p, level, next, low, high)) return this.#fault(Fault.skipped);
        level = next;
        continue;
      }
      const encoded = p.nextLevel && value === 7;
      const sizeLg2 = encoded ? encodedSizeLg2(p, level, lo, hi) : shift;
      if (sizeLg2 === 0) {
        step("reserved", "the page size in the address is not one of this level");
        return this.#fault(Fault.reserved);
      }
      const bytes = 2 ** sizeLg2;
      const whole = encoded ? u64((lo & ~0xfff) >>> 0, hi & 0xf_ffff) : leafAddress(p, level, lo, hi);
      const page = whole - (whole % bytes);
      const within = u64(low >>> 0, high >>> 0) % bytes;
      rights &= granted(p, kind, lo, hi);
      step("leaf", `page of ${size(bytes)} at ${hex(page)}`);
      const result = walk(p, this.#memory, this.#root.address, dfn, need);
      const flag = (lo & p.accessMask) !== p.accessMask;
      if (flag) return this.#fault(Fault.accessFlag);
      if ((rights & 4) === 0) return this.#fault(Fault.privilege);
      if ((rights & need) !== need)
        return this.#fault((need & ~rights & 1) !== 0 ? Fault.readRefused : Fault.writeRefused);
      if (result === Fault.interruptRange) return this.#fault(Fault.interruptRange);
      return { paddr: page + within + offset, bytes, allow: (rights & 3) as Allow };
    }
  }

  #fetch(at: number): { lo: number; hi: number; through: Trace | null } | NotReached {
    let through: Trace | null = null;
    let real = at;
    if (this.#second !== null) {
      through = new Walk(this.#memory, planOf(this.#second), this.#second, null).run(at, 1);
      if (!isReached(through.result)) {
        const { fault, atTop } = through.result;
        const first = this.#steps.length === 0;
        return { ...through.result, atTop: fault === "outside" ? atTop : first, onFirstStageTable: true };
      }
      real = through.result.paddr;
    }
    const base = this.#memory.locate(Math.floor(real / pageBytes));
    if (base < 0) return this.#fault(Fault.outside, real);
    const word = base + (real % pageBytes) / 4;
    return { lo: this.#memory.words[word]! | 0, hi: this.#memory.words[word + 1]! | 0, through };
  }

  #step(at: number, lo: number, hi: number, level: number, kind: EntryKind, meaning: string, through: Trace | null) {
    const { name, table, leaf } = this.#plan.format.levels[level]!;
    const shape = (kind === "leaf" ? leaf : (table ?? leaf)) as EntryShape;
    const { stage } = this.#plan.format;
    const words = Uint32Array.of(lo, hi);
    const row = level * rowLength;
    const lsb = this.#plan.rows[row]!;
    const indexMask = this.#plan.rows[row + Row.indexMask]!;
    const indexBits = { msb: lsb + 31 - Math.clz32(indexMask), lsb };
    const input = this.#input;
    this.#steps.push({ at, words, about: shape.about, stage, level, name, kind, meaning, input, indexBits, through });
  }

  #fault(number: Fault, at = Number(this.#input)): NotReached {
    const { name } = faultParts(number);
    const { stage } = this.#plan.format;
    const atTop = this.#steps.length === 0;
    return { fault: name, number, why: reasons[name], atTop, stage, onFirstStageTable: false, at };
  }
}

const nowhere = FrameSource.flat(new Uint32Array(0));

/** What a fault means, whatever the unit. */
export const reasons: Readonly<Record<FaultName, string>> = {
  absent: "nothing is mapped here: the entry is not present",
  readRefused: "the page is mapped, and an entry on the way does not let reads pass",
  writeRefused: "the page is mapped, and an entry on the way does not let writes pass",
  privilege: "the page is mapped for privileged requests only",
  reserved: "the entry holds what the unit must refuse",
  addressSize: "the entry names an address wider than the unit's",
  accessFlag: "the page's access flag is clear",
  outside: "the table lies where there is no memory",
  inputSize: "the address is beyond what the table translates, or not canonical",
  skipped: "the table skips a level in which the address is not zero",
  interruptRange: "the translation ends in the range of interrupt messages",
};

function size(bytes: number): string {
  const lg2 = Math.log2(bytes);
  const unit = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"][Math.floor(lg2 / 10)]!;
  return `${2 ** (lg2 % 10)} ${unit}`;
}
