/**
 * The one walker: what hardware does on a miss, for every format.
 *
 * Numbers in, a number out; nothing is allocated, thrown or worded. What `Row` and `WalkPlan` hold is said in plan.ts.
 * Permissions are the AND over all levels, judged at the leaf. Source: VT-d 4.1, 3.6 and 3.7; AMD IOMMU 48882, 2.2.3;
 * Arm DDI 0487, D8.2 (walks) and D8.4 (permissions).
 */

import { frameBytes } from "../base/frame.js";
import { u64 } from "../base/u64.js";
import { Fault } from "./fault.js";
import type { FrameSource } from "./frame_source.js";
import { userRight } from "./grants.js";
import { Kind, Row, rowLength, type WalkPlan } from "./plan.js";

/* This module's own constants are folded into the code; those of another module would be loaded each time. */
const {
  kinds,
  leafAddressHigh,
  leafAddressLow,
  leafRefusedHigh,
  leafRefusedLow,
  leafWideHigh,
  leafWideLow,
  offsetHigh,
  offsetLow,
} = Row;
const { table: isTable, leaf: isLeaf, absent: isAbsent } = Kind;
const stride = rowLength;
const user = userRight;

/** What an access needs; 0 asks for the translation alone. */
export const Need = { none: 0, read: 1, write: 2, readWrite: 3 } as const;
export type Need = (typeof Need)[keyof typeof Need];

const interruptFirst = 0xfee00;
const interruptCount = 0x100;

/**
 * Translate one frame by reading the table in memory.
 *
 * @param root byte address of the top table
 * @param dfn  frame of the input address: bits 63:12, below 2 ** 52
 * @returns the output frame (bits 51:12 of the address), or a Fault, which is negative
 */
export function walk(p: WalkPlan, memory: FrameSource, root: number, dfn: number, need: number): number {
  const high = (dfn / 0x10_0000) | 0;
  const low = (dfn | 0) << 12;
  if (!inputFits(p, low, high)) return Fault.inputSize;
  const { rows, presentMask, kindShift, kindMask, perLevel, indexMask, tableRefusedLow, tableRefusedHigh } = p;
  let table = Math.floor(root / frameBytes);
  // Byte offset of the top table in its frame; the tables below begin with one.
  const offset = (root - table * frameBytes) & p.rootOffsetMask;
  if (p.rootFrames !== 1) table -= table % p.rootFrames;
  let { level, topShift: shift, rights } = p;
  const topBits = shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32);
  const at = offset + (topBits & p.topIndexMask) * 8;
  let base = memory.locate(table + (at >>> 12));
  let word = base + ((at & 4095) >>> 2);
  for (;;) {
    if (base < 0) return Fault.outside;
    const { words } = memory;
    const lo = words[word]! | 0;
    const hi = words[word + 1]! | 0;
    if ((lo & presentMask) === 0) return Fault.absent;
    const value = (lo >>> kindShift) & kindMask;
    const kind = (rows[level * stride + kinds]! >>> (value + value)) & 3;
    if (kind !== isTable) {
      if (kind === isLeaf) return leafEnd(p, level, value, lo, hi, low, high, rights, need);
      return kind === isAbsent ? Fault.absent : Fault.reserved;
    }
    if (((lo & tableRefusedLow) | (hi & tableRefusedHigh)) !== 0) return refusal(p, level, isTable, lo, hi);
    rights &= granted(p, isTable, lo, hi);
    table = ((lo & p.tableAddressLow) >>> 12) + (hi & p.tableAddressHigh) * 0x10_0000;
    if (p.frameHigh) table += ((lo >>> 12) & 15) * 0x10_0000_0000;
    level--;
    shift -= perLevel;
    if (p.nextLevel && value <= level) {
      const next = value - 1;
      if (skipsOver(p, level + 1, next, low, high)) return Fault.skipped;
      shift -= perLevel * (level - next);
      level = next;
    }
    const index = (shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32)) & indexMask;
    base = memory.locate(table + (index >>> 9));
    word = base + ((index & 511) << 1);
  }
}

/** What a leaf comes to. */
function leafEnd(
  p: WalkPlan,
  level: number,
  value: number,
  lo: number,
  hi: number,
  low: number,
  high: number,
  before: number,
  need: number,
): number {
  const { rows } = p;
  const row = level * stride;
  if (refusedBits(p, level, isLeaf, lo, hi) !== 0) return refusal(p, level, isLeaf, lo, hi);
  if ((lo & p.accessMask) !== p.accessMask) return Fault.accessFlag;
  const rights = before & granted(p, isLeaf, lo, hi);
  if (p.nextLevel && value === 7) return encodedPage(p, level, lo, hi, low, high, rights, need);
  if ((rights & user) === 0) return Fault.privilege;
  if ((rights & need) !== need) return (need & ~rights & 1) !== 0 ? Fault.readRefused : Fault.writeRefused;
  const outLow = (lo & rows[row + leafAddressLow]!) | (low & rows[row + offsetLow]!);
  const outHigh = (hi & rows[row + leafAddressHigh]!) | (high & rows[row + offsetHigh]!);
  let frame = (outLow >>> 12) + outHigh * 0x10_0000;
  if (p.frameHigh) frame += ((lo >>> 12) & 15) * 0x10_0000_0000;
  if (p.interruptRange && frame >= interruptFirst && frame < interruptFirst + interruptCount) {
    return Fault.interruptRange;
  }
  return frame;
}

/** Whether the bits above the input are what the root wants them to be. */
export function inputFits(p: WalkPlan, low: number, high: number): boolean {
  if ((p.upper & 1) !== 0 && ((low & p.upperLow) | (high & p.upperHigh)) === 0) return true;
  return (p.upper & 2) !== 0 && ((~low & p.upperLow) | (~high & p.upperHigh)) === 0;
}

/** @returns the refused bits of an entry, as two words in one; 0 when it may be as it is. */
export function refusedBits(p: WalkPlan, level: number, kind: number, lo: number, hi: number): number {
  if (kind === isTable) return (lo & p.tableRefusedLow) | (hi & p.tableRefusedHigh);
  const row = level * stride;
  return (lo & p.rows[row + leafRefusedLow]!) | (hi & p.rows[row + leafRefusedHigh]!);
}

/** Byte address of the table that an entry points to. */
export function tableAddress(p: WalkPlan, lo: number, hi: number): number {
  const address = u64((lo & p.tableAddressLow) >>> 0, hi & p.tableAddressHigh);
  return p.frameHigh ? address + ((lo >>> 12) & 15) * 2 ** 48 : address;
}

/** Byte address of the leaf of its level's own size that an entry is. */
export function leafAddress(p: WalkPlan, level: number, lo: number, hi: number): number {
  const row = level * stride;
  const address = u64((lo & p.rows[row + leafAddressLow]!) >>> 0, hi & p.rows[row + leafAddressHigh]!);
  return p.frameHigh ? address + ((lo >>> 12) & 15) * 2 ** 48 : address;
}

/** Rights that one entry grants. */
export function granted(p: WalkPlan, kind: number, lo: number, hi: number): number {
  if (kind === isTable) return p.tableGrants >>> ((((p.tableGrantHigh ? hi : lo) >>> p.tableGrantShift) & 7) << 2);
  return p.leafGrants >>> ((((p.leafGrantHigh ? hi : lo) >>> p.leafGrantShift) & 7) << 2);
}

/** How an entry is taken. */
export function kindOf(p: WalkPlan, level: number, lo: number): number {
  if ((lo & p.presentMask) === 0) return isAbsent;
  const value = (lo >>> p.kindShift) & p.kindMask;
  return (p.rows[level * stride + kinds]! >>> (value + value)) & 3;
}

/** Which of the two reasons to refuse an entry's bits it was. */
export function refusal(p: WalkPlan, level: number, kind: number, lo: number, hi: number): Fault {
  const row = level * stride;
  const reserved =
    kind === isTable
      ? (lo & p.tableRefusedLow & ~p.tableWideLow) | (hi & p.tableRefusedHigh & ~p.tableWideHigh)
      : (lo & p.rows[row + leafRefusedLow]! & ~p.rows[row + leafWideLow]!) |
        (hi & p.rows[row + leafRefusedHigh]! & ~p.rows[row + leafWideHigh]!);
  return reserved !== 0 ? Fault.reserved : Fault.addressSize;
}

/** AMD-Vi v1: whether the address has ones between the level that was left and the one that comes next. */
export function skipsOver(p: WalkPlan, level: number, next: number, low: number, high: number): boolean {
  const own = level * stride;
  const below = (next + 1) * stride;
  const { rows } = p;
  const skippedLow = low & rows[own + offsetLow]! & ~rows[below + offsetLow]!;
  const skippedHigh = high & rows[own + offsetHigh]! & ~rows[below + offsetHigh]!;
  return (skippedLow | skippedHigh) !== 0;
}

/**
 * AMD-Vi v1, NextLevel 7: log2 of the page's size in bytes. The lowest zero among the address bits from bit 12 on
 * says it; a size must be larger than the level's own and smaller than the next level's.
 * @returns 0 when the encoded size is not one of this level
 */
export function encodedSizeLg2(p: WalkPlan, level: number, lo: number, hi: number): number {
  const zerosLow = ~(lo >>> 12) & 0xf_ffff;
  const zerosHigh = ~hi & 0xf_ffff;
  const bit = zerosLow !== 0 ? lowestBit(zerosLow) : zerosHigh !== 0 ? 20 + lowestBit(zerosHigh) : 40;
  const sizeLg2 = 13 + bit;
  const own = p.rows[level * stride]!;
  return sizeLg2 > own && sizeLg2 < own + 9 && sizeLg2 <= 52 ? sizeLg2 : 0;
}

const lowestBit = (v: number) => 31 - Math.clz32(v & -v);

function encodedPage(
  p: WalkPlan,
  level: number,
  lo: number,
  hi: number,
  low: number,
  high: number,
  rights: number,
  need: number,
): number {
  const sizeLg2 = encodedSizeLg2(p, level, lo, hi);
  if (sizeLg2 === 0) return Fault.reserved;
  if ((rights & need) !== need) return (need & ~rights & 1) !== 0 ? Fault.readRefused : Fault.writeRefused;
  const offsetLow = sizeLg2 >= 32 ? -1 : (1 << sizeLg2) - 1;
  const offsetHigh = sizeLg2 > 32 ? (1 << (sizeLg2 - 32)) - 1 : 0;
  const outLow = (lo & ~offsetLow & ~0xfff) | (low & offsetLow);
  const outHigh = (hi & 0xf_ffff & ~offsetHigh) | (high & offsetHigh);
  return (outLow >>> 12) + outHigh * 0x10_0000;
}
