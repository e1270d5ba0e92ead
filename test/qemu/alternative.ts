/**
 * What QEMU would do by the library's own rules, had the tables other bits: a known fault explains a difference only
 * when its alternative comes to what QEMU did.
 */
import type { MemoryView, ReadonlyWords } from "../../src/mem/view.js";
import { reservedMask } from "../../src/table/device/entry.js";
import type { UnitRoot } from "../../src/table/device/index.js";
import type { FaultName, TableRoot } from "../../src/table/index.js";
import { held, type Seen } from "./judge.js";
import { type Access, type Outcome, predict, reaches } from "./predict.js";
import type { TestMemory } from "./test_memory.js";
import type { UnitRules } from "./unit_driver.js";

/** Entries with more troubles than this on one way are not followed. */
const stepsMax = 12;

/** A memory in which bits of some entries are others. */
class Changed implements MemoryView {
  readonly #under: MemoryView;
  readonly #frames = new Map<number, Uint32Array>();

  constructor(under: MemoryView) {
    this.#under = under;
  }

  frame(m: number): ReadonlyWords | undefined {
    return this.#frames.get(m) ?? this.#under.frame(m as never);
  }

  /** @param mask bits to clear, by word from `at` on */
  clear(at: number, mask: ArrayLike<number>): void {
    const own = this.#own(at);
    for (let n = 0; n < mask.length; n++) own[(at % 4096) / 4 + n]! &= ~mask[n]!;
  }

  set(at: number, mask: number): void {
    this.#own(at)[(at % 4096) / 4]! |= mask;
  }

  #own(at: number): Uint32Array {
    const m = Math.floor(at / 4096);
    const own = this.#frames.get(m) ?? this.#under.frame(m as never)!.slice();
    this.#frames.set(m, own);
    return own;
  }
}

export interface Change {
  /** How page tables are walked. */
  readonly root?: Partial<TableRoot>;
  /** Bits, by word of the entry, that are not there. @returns null: the entry stays. */
  readonly clear?: (about: string, words: Uint32Array) => ArrayLike<number> | null;
  /** What the device asks for. */
  readonly address?: bigint;
  /** Of entries that end the walk: reserved bits are not there. */
  readonly noReserved?: boolean;
  /** Of entries that end the walk as absent and are not 0: bits of the first word that are there. */
  readonly present?: (words: Uint32Array) => number;
  /** Faults behind which it is not told what QEMU does. */
  readonly open?: readonly FaultName[];
  /** Entries that end the walk behind which it is not told either. */
  readonly openAt?: (words: Uint32Array) => boolean;
  /** Codes of QEMU that count as the library's. */
  readonly alike?: (ours: number, code: number) => boolean;
}

export class Alternative {
  readonly #rules: UnitRules;
  readonly #memory: TestMemory;
  readonly #unit: UnitRoot;
  readonly #access: Access;
  readonly #seen: Seen;

  constructor(rules: UnitRules, memory: TestMemory, unit: UnitRoot, access: Access, seen: Seen) {
    this.#rules = rules;
    this.#memory = memory;
    this.#unit = unit;
    this.#access = access;
    this.#seen = seen;
  }

  /** Whether the library, of tables so changed, says what QEMU did. */
  explains(change: Change): boolean {
    const memory = new Changed(this.#memory);
    for (let n = 0; n < stepsMax; n++) {
      const access = { ...this.#access, address: change.address ?? this.#access.address };
      const outcome = predict(memory, this.#unit, this.#rules.codes, access, change.root);
      if (isOpen(outcome, change)) return true;
      if (!changeOn(memory, outcome, change)) return this.#isSeen(outcome, change.alike ?? Object.is);
    }
    return false;
  }

  #isSeen(outcome: Outcome, alike: (ours: number, code: number) => boolean): boolean {
    const { faults, data } = this.#seen;
    if (!this.#rules.recordsFaults) {
      // Memory that is not RAM may hold anything.
      const index = reaches(outcome) ? this.#memory.index(outcome.reaches) : -1;
      return data === (reaches(outcome) ? (index < 0 ? data : held(this.#memory, index)) : 0n);
    }
    const code = reaches(outcome) ? null : outcome.code;
    return code === null ? faults.length === 0 : faults.length > 0 && faults.every((f) => alike(code, f.code));
  }
}

function isOpen(outcome: Outcome, { open, openAt }: Change): boolean {
  const walk = reaches(outcome) ? null : outcome.walk;
  if (walk === null || !("fault" in walk.result)) return false;
  const last = walk.steps.at(-1)?.words;
  return open?.includes(walk.result.fault) === true || (last !== undefined && openAt?.(last) === true);
}

/** @returns whether anything was changed, so that the way may be another one. */
function changeOn(memory: Changed, outcome: Outcome, { clear, noReserved, present }: Change): boolean {
  let changed = false;
  for (const { at, about, words } of outcome.entries) {
    const mask = clear?.(about.title, words) ?? [];
    if (!words.some((w, n) => (w & (mask[n] ?? 0)) !== 0)) continue;
    memory.clear(at, mask);
    changed = true;
  }
  const walk = reaches(outcome) ? null : outcome.walk;
  const last = walk?.steps.at(-1);
  if (walk === null || last === undefined || !("fault" in walk.result)) return changed;
  const { fault } = walk.result;
  const mask = fault === "reserved" && noReserved === true ? reservedMask(last.about) : [];
  if (last.words.some((w, n) => (w & (mask[n] ?? 0)) !== 0)) {
    memory.clear(last.at, mask);
    changed = true;
  }
  const missing = fault === "absent" && last.words.some((w) => w !== 0) ? (present?.(last.words) ?? 0) : 0;
  if ((missing & ~last.words[0]!) !== 0) {
    memory.set(last.at, missing);
    changed = true;
  }
  return changed;
}
