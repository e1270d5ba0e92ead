/**
 * A format and the bounds of a root, compiled into flat numbers: what the walkers run on.
 *
 * A 64-bit entry and a 64-bit address are two 32-bit words each, so that every step is 32-bit arithmetic.
 */
import { Misuse } from "../base/assert.js";
import type { Field } from "../bits/field.js";
import type { EntryKind, EntryShape, LevelShape, TableFormat, UnitFeature } from "./format.js";
import { formats } from "./formats.js";
import { everything, packGrants, userRight } from "./grants.js";
import type { TableRoot } from "./root.js";

/** Classes of an entry, two bits each in `Row.kinds`. */
export const Kind = { absent: 0, table: 1, leaf: 2, reserved: 3 } as const;

/** Columns of `WalkPlan.rows`, one row of `rowLength` numbers for each level. */
export const Row = {
  /** Lowest address bit that indexes the level, and the mask of its index. */
  shift: 0,
  indexMask: 1,
  /** Kind by value of the kind field, two bits each. */
  kinds: 2,
  /** Bits that no leaf may have: reserved ones, and those of addresses beyond the output's width. */
  leafRefusedLow: 3,
  leafRefusedHigh: 4,
  leafAddressLow: 5,
  leafAddressHigh: 6,
  /** Address bits below the level's shift. */
  offsetLow: 7,
  offsetHigh: 8,
  /** The part of the refused bits that are address bits beyond the output's width. */
  leafWideLow: 9,
  leafWideHigh: 10,
  /** Bits that a walk looks at in a leaf: two leaves that differ elsewhere translate alike. */
  leafCareLow: 11,
  leafCareHigh: 12,
} as const;
export const rowLength = 13;

/** Numbers only (and the rows), one shape for every format. Does not hold where the table stands. */
export interface WalkPlan {
  readonly format: TableFormat;
  /** Level of the top table. */
  readonly level: number;
  readonly rows: Int32Array;
  /** Lowest address bit that indexes the top table, and the mask of its index. */
  readonly topShift: number;
  readonly topIndexMask: number;
  /** The same of every other level: its bits, and their mask. */
  readonly perLevel: number;
  readonly indexMask: number;
  /** Table pointers are alike at every level: bits that they may not have, of which wide addresses; address bits. */
  readonly tableRefusedLow: number;
  readonly tableRefusedHigh: number;
  readonly tableWideLow: number;
  readonly tableWideHigh: number;
  readonly tableAddressLow: number;
  readonly tableAddressHigh: number;
  /** Bytes to which the top table is aligned: its size, at least 64. */
  readonly rootAlign: number;
  /** The same as a mask of the byte offset in a frame, and as frames (1 where it is no more than one). */
  readonly rootOffsetMask: number;
  readonly rootFrames: number;
  /** An entry without any of these is absent. */
  readonly presentMask: number;
  readonly kindShift: number;
  readonly kindMask: number;
  /** Rights by the 3 bits at a shift in one of the words: 4 bits for each value. */
  readonly tableGrants: number;
  readonly tableGrantShift: number;
  readonly tableGrantHigh: boolean;
  readonly leafGrants: number;
  readonly leafGrantShift: number;
  readonly leafGrantHigh: boolean;
  /** Rights before any entry. */
  readonly rights: number;
  /** Bits of a leaf that must not be zero; 0 = nothing is asked. */
  readonly accessMask: number;
  /** Bits 15:12 of an entry are address bits 51:48. */
  readonly frameHigh: boolean;
  /** Kinds are levels, levels may be skipped, leaves may have their size in the address. */
  readonly nextLevel: boolean;
  readonly interruptRange: boolean;
  /** Input bits that must be all zeros (1), all ones (2) or either (3). */
  readonly upperLow: number;
  readonly upperHigh: number;
  readonly upper: 1 | 2 | 3;
  readonly inputBits: number;
}

const plans = new WeakMap<TableRoot, WalkPlan>();
const shared = new Map<string, WalkPlan>();

/**
 * The plan of a root; the same object for roots that differ only in where they stand.
 * @throws Misuse `bad-root` when the format has no such table: see `rootProblem`.
 */
export function planOf(root: TableRoot): WalkPlan {
  const known = plans.get(root);
  if (known !== undefined) return known;
  const { format, level, inputBits, upper, outputBits, allow, accessFlag, privileged, topByteIgnored } = root;
  const more = [accessFlag, privileged, root.tablePermissions, topByteIgnored, root.lacks?.toSorted()].join();
  const key = [format, level, inputBits, upper, outputBits, allow, more].join();
  let plan = shared.get(key);
  if (plan === undefined) {
    const problem = rootProblem(root);
    if (problem !== null) throw new Misuse("bad-root", problem);
    plan = compile(root);
    if (shared.size >= planCountMax) shared.clear();
    shared.set(key, plan);
  }
  plans.set(root, plan);
  return plan;
}

const inner = new WeakMap<WalkPlan, WalkPlan>();

/** The plan of a first stage whose output is not yet an address: only the end of both stages can be an interrupt. */
export function inputPlan(root: TableRoot): WalkPlan {
  const plan = planOf(root);
  if (!plan.interruptRange) return plan;
  let found = inner.get(plan);
  if (found === undefined) {
    found = Object.freeze({ ...plan, interruptRange: false });
    inner.set(plan, found);
  }
  return found;
}

/** Hostile device tables can name only so many shapes, but a limit costs nothing. */
const planCountMax = 4096;

/** @returns why no table of this kind can exist, as a sentence; null when it can. */
export function rootProblem(root: TableRoot): string | null {
  const format = formats[root.format] as TableFormat | undefined;
  if (format === undefined) return `there is no table format ${root.format}`;
  const { name, granuleLg2, levels, concatenatedLg2 } = format;
  if (!Number.isInteger(root.level) || root.level < 0 || root.level >= levels.length) {
    return `${name} has levels 0 to ${levels.length - 1}, not ${root.level}`;
  }
  const perLevel = granuleLg2 - 3;
  const shift = granuleLg2 + perLevel * root.level;
  const indexBits = root.inputBits - shift;
  if (!Number.isInteger(root.inputBits) || indexBits < 1 || indexBits > perLevel + concatenatedLg2) {
    return `a ${name} table at level ${root.level} translates ${shift + 1} to ${shift + perLevel + concatenatedLg2} bits, not ${root.inputBits}`;
  }
  if (root.inputBits > 64) return `an address has 64 bits, not ${root.inputBits}`;
  if (!(root.outputBits >= 32 && root.outputBits <= 52))
    return `output addresses have 32 to 52 bits, not ${root.outputBits}`;
  if (!(root.address >= 0 && root.address < 2 ** 52)) return `a table cannot stand at ${root.address}`;
  return null;
}

function compile(root: TableRoot): WalkPlan {
  const format = formats[root.format];
  const { granuleLg2, levels } = format;
  const frameHigh = granuleLg2 === 16 && root.outputBits > 48;
  const rows = new Int32Array(rowLength * levels.length);
  for (const [own, shape] of levels.entries()) fillRow(rows, own, shape, root, frameHigh);
  const topShift = granuleLg2 + (granuleLg2 - 3) * root.level;
  const topIndexBits = root.inputBits - topShift;
  rows[root.level * rowLength + Row.indexMask] = 2 ** topIndexBits - 1;
  const rootAlign = 2 ** Math.max(topIndexBits + 3, 6);
  const apply = root.tablePermissions !== "ignore";
  const privileged = root.privileged === true;
  // The entry of the lowest level above the leaves; upper ones add only the kind's own bit, which `kinds` judges.
  const table = levels[1]!.table!;
  const tableAddress = maskOf(table.frame.msb, table.frame.lsb);
  const tableWide = widthRefusal(table.frame, root.outputBits, frameHigh);
  const tableReserved = reservedBits(table, []);
  const leaf = levels[0]!.leaf!;
  const tableGrants = apply || format.accessFlag === null ? packGrants(table, privileged) : everything;
  const leafGrants = packGrants(leaf, privileged);
  const upperFrom = root.upper === "sign" ? root.inputBits - 1 : root.inputBits;
  const upper = maskOf(root.topByteIgnored === true ? 55 : 63, upperFrom);
  return Object.freeze({
    format,
    level: root.level,
    rows,
    topShift,
    topIndexMask: 2 ** topIndexBits - 1,
    perLevel: granuleLg2 - 3,
    indexMask: 2 ** (granuleLg2 - 3) - 1,
    tableRefusedLow: tableReserved.low | tableWide.low,
    tableRefusedHigh: tableReserved.high | tableWide.high,
    tableWideLow: tableWide.low,
    tableWideHigh: tableWide.high,
    tableAddressLow: tableAddress.low,
    tableAddressHigh: tableAddress.high,
    rootAlign,
    rootOffsetMask: 4095 & ~(rootAlign - 1),
    rootFrames: Math.max(rootAlign / 4096, 1),
    presentMask: format.present.reduce((m, f) => m | (f.mask << f.shift), 0) || 1 << format.kind.shift,
    kindShift: format.kind.shift,
    kindMask: format.kind.mask,
    tableGrants: tableGrants.packed,
    tableGrantShift: tableGrants.shift,
    tableGrantHigh: tableGrants.high,
    leafGrants: leafGrants.packed,
    leafGrantShift: leafGrants.shift,
    leafGrantHigh: leafGrants.high,
    rights: root.allow | userRight,
    accessMask: format.accessFlag === null || root.accessFlag === "ignore" ? 0 : 1 << format.accessFlag.shift,
    frameHigh,
    nextLevel: format.nextLevel,
    interruptRange: format.interruptRange,
    upperLow: upper.low,
    upperHigh: upper.high,
    upper: root.upper === "zero" ? 1 : root.upper === "ones" ? 2 : 3,
    inputBits: root.inputBits,
  } satisfies WalkPlan);
}

function fillRow(rows: Int32Array, own: number, shape: LevelShape, root: TableRoot, frameHigh: boolean): void {
  const format = formats[root.format];
  const perLevel = format.granuleLg2 - 3;
  const shift = format.granuleLg2 + perLevel * own;
  const at = own * rowLength;
  rows[at + Row.shift] = shift;
  rows[at + Row.indexMask] = 2 ** perLevel - 1;
  rows[at + Row.kinds] = shape.kinds.reduce((packed, k, v) => packed | (Kind[kindHere(k, shape, root)] << (2 * v)), 0);
  const offset = maskOf(shift - 1, 0);
  rows[at + Row.offsetLow] = offset.low;
  rows[at + Row.offsetHigh] = offset.high;
  if (shape.leaf === null) return;
  const { frame } = shape.leaf;
  // A leaf of AMD-Vi v1 keeps the whole field, of which the level's own size clears the low bits.
  const address = maskOf(frame.msb, Math.max(frame.lsb, shift));
  const wide = widthRefusal(frame, root.outputBits, frameHigh);
  const reserved = reservedBits(shape.leaf, root.lacks ?? []);
  rows[at + Row.leafAddressLow] = address.low;
  rows[at + Row.leafAddressHigh] = address.high;
  rows[at + Row.leafWideLow] = wide.low;
  rows[at + Row.leafWideHigh] = wide.high;
  rows[at + Row.leafRefusedLow] = reserved.low | wide.low;
  rows[at + Row.leafRefusedHigh] = reserved.high | wide.high;
  fillCare(rows, at, shape.leaf, format);
}

function fillCare(rows: Int32Array, at: number, leaf: EntryShape, format: TableFormat): void {
  const { read, write, user } = leaf.grants;
  const rights = [read, write, user].flatMap((g) => (g === true ? [] : ["not" in g ? g.not : g]));
  const looked = [...format.present, format.kind, ...rights];
  if (format.accessFlag !== null) looked.push(format.accessFlag);
  if (leaf.frameHigh !== null) looked.push(leaf.frameHigh);
  rows[at + Row.leafCareLow] = rows[at + Row.leafRefusedLow]! | rows[at + Row.leafAddressLow]!;
  rows[at + Row.leafCareHigh] = rows[at + Row.leafRefusedHigh]! | rows[at + Row.leafAddressHigh]!;
  for (const f of looked) {
    const { low, high } = maskOf(f.msb, f.lsb);
    rows[at + Row.leafCareLow]! |= low;
    rows[at + Row.leafCareHigh]! |= high;
  }
}

function kindHere(kind: EntryKind, shape: LevelShape, root: TableRoot): EntryKind {
  if (kind !== "leaf") return kind;
  if (shape.leafNeeds !== null && root.lacks?.includes(shape.leafNeeds)) return "reserved";
  return root.outputBits < shape.leafOutputBitsMin ? "absent" : "leaf";
}

/** Address bits of an entry that the output's width does not have. */
function widthRefusal(frame: Field, outputBits: number, frameHigh: boolean): Words {
  const { low, high } = maskOf(frame.msb, Math.max(outputBits, frame.lsb));
  return { low: frameHigh ? low | maskOf(15, outputBits - 36).low : low, high };
}

function reservedBits(entry: EntryShape, lacks: readonly UnitFeature[]): Words {
  const missing = entry.optional.filter(([feature]) => lacks.includes(feature)).map(([, f]) => [f.msb, f.lsb] as const);
  return [...entry.about.reserved, ...missing].reduce<Words>(
    (sum, [msb, lsb]) => {
      const { low, high } = maskOf(msb, lsb);
      return { low: sum.low | low, high: sum.high | high };
    },
    { low: 0, high: 0 },
  );
}

interface Words {
  readonly low: number;
  readonly high: number;
}

/** Ones from bit `msb` down to bit `lsb` of a 64-bit word; nothing when they cross. */
export function maskOf(msb: number, lsb: number): Words {
  if (msb < lsb) return { low: 0, high: 0 };
  const ones = (from: number, to: number) => (from > to ? 0 : (2 ** (to - from + 1) - 1) * 2 ** from) | 0;
  return { low: ones(lsb, Math.min(msb, 31)), high: ones(Math.max(lsb - 32, 0), msb - 32) };
}
