/** What is behind an address, for software that keeps the table: its entries are believed as they stand. */
import { u64 } from "../base/u64.js";
import type { EntryCursor } from "./cursor.js";
import { Kind, Row, rowLength, type WalkPlan } from "./plan.js";
import { encodedSizeLg2, inputFits, kindOf, leafAddress } from "./walk.js";

/* Constants of this module's own are folded into the code. */
const { leaf: isLeaf } = Kind;
const stride = rowLength;
const perHalf = 2 ** -32;

/** @returns the byte address that another leads to; -1 where nothing is mapped */
export function behind(plan: WalkPlan, cursor: EntryCursor, iova: number): number {
  if (!(iova >= 0 && iova < 2 ** 64)) return -1;
  const low = iova | 0;
  const high = (iova * perHalf) | 0;
  const entry = cursor.stay(low, high);
  if (entry !== -1 && isOneLeaf(plan, 0, entry))
    return through(plan, 0, entry, cursor.words[cursor.at + 1]! | 0, low, high);
  if (!inputFits(plan, low, high)) return -1;
  cursor.seek(low, high);
  if (cursor.kind !== isLeaf) return -1;
  const sizeLg2 = leafSizeLg2(plan, cursor);
  const { level } = cursor;
  if (sizeLg2 === plan.rows[level * stride + Row.shift]!)
    return through(plan, level, cursor.low, cursor.high, low, high);
  const size = 2 ** sizeLg2;
  const first = leafAddress(plan, level, cursor.low, cursor.high);
  return Math.floor(first / size) * size + (iova - Math.floor(iova / size) * size);
}

/** Whether an entry, by its lower word, is a leaf of its level's own size. */
export function isOneLeaf(plan: WalkPlan, level: number, entry: number): boolean {
  return kindOf(plan, level, entry) === isLeaf && !hasSize(plan, entry);
}

/** log2 of the size of the leaf at hand. */
export function leafSizeLg2(plan: WalkPlan, { level, low, high }: EntryCursor): number {
  return hasSize(plan, low) ? encodedSizeLg2(plan, level, low, high) : plan.rows[level * stride + Row.shift]!;
}

/** AMD-Vi v1: the leaf's size is in its address. */
function hasSize({ nextLevel, kindShift, kindMask }: WalkPlan, low: number): boolean {
  return nextLevel && ((low >>> kindShift) & kindMask) === 7;
}

/** Through a leaf of its level's own size. */
function through(plan: WalkPlan, level: number, leafLow: number, leafHigh: number, low: number, high: number): number {
  const { rows, frameHigh } = plan;
  const row = level * stride;
  const outLow = (leafLow & rows[row + Row.leafAddressLow]!) | (low & rows[row + Row.offsetLow]!);
  const outHigh = (leafHigh & rows[row + Row.leafAddressHigh]!) | (high & rows[row + Row.offsetHigh]!);
  return u64(outLow >>> 0, frameHigh ? outHigh + (((leafLow >>> 12) & 15) << 16) : outHigh);
}
