/**
 * The one walker: what hardware does on a miss, for every format.
 *
 * Numbers in, a number out; nothing is allocated, thrown or worded. What `Row` and `WalkPlan` hold is said in plan.ts.
 * Permissions are the AND over all levels, judged at the leaf. Source: VT-d 4.1, 3.6 and 3.7; AMD IOMMU 48882, 2.2.3;
 * Arm DDI 0487, D8.2 (walks) and D8.4 (permissions).
 */
import { Fault } from "./fault.js";
import type { FrameSource } from "./frame_source.js";
import { Kind, Row, rowLength, userRight, type WalkPlan } from "./plan.js";

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
  const low = (dfn % 0x10_0000) << 12;
  if (!inputFits(p, low, high)) return Fault.inputSize;
  const { rows } = p;
  let table = Math.floor(root / 4096);
  // Byte offset of the top table in its frame; the tables below begin with one.
  let offset = root - table * 4096;
  offset -= offset % p.rootAlign;
  let rights = p.rights;
  for (let level = p.level; ; ) {
    const row = level * rowLength;
    const shift = rows[row]!;
    const bits = shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32);
    const at = offset + (bits & rows[row + Row.indexMask]!) * 8;
    const base = memory.locate(table + (at >>> 12));
    if (base < 0) return Fault.outside;
    const { words } = memory;
    const word = base + ((at & 4095) >>> 2);
    const lo = words[word]! | 0;
    const hi = words[word + 1]! | 0;
    if (p.presentMask !== 0 && (lo & p.presentMask) === 0) return Fault.absent;
    const value = (lo >>> p.kindShift) & p.kindMask;
    const kind = (rows[row + Row.kinds]! >>> (value + value)) & 3;
    if (kind === Kind.table) {
      if (((lo & rows[row + Row.tableRefusedLow]!) | (hi & rows[row + Row.tableRefusedHigh]!)) !== 0) {
        return refusal(p, level, Kind.table, lo, hi);
      }
      rights &= p.tableGrants >>> ((((p.tableGrantHigh ? hi : lo) >>> p.tableGrantShift) & 7) << 2);
      table = ((lo & rows[row + Row.tableAddressLow]!) >>> 12) + (hi & rows[row + Row.tableAddressHigh]!) * 0x10_0000;
      if (p.frameHigh) table += ((lo >>> 12) & 15) * 0x10_0000_0000;
      offset = 0;
      if (p.nextLevel) {
        const next = value - 1;
        if (next < level - 1 && skipsOver(p, level, next, low, high)) return Fault.skipped;
        level = next;
      } else level--;
      continue;
    }
    if (kind !== Kind.leaf) return kind === Kind.absent ? Fault.absent : Fault.reserved;
    if (((lo & rows[row + Row.leafRefusedLow]!) | (hi & rows[row + Row.leafRefusedHigh]!)) !== 0) {
      return refusal(p, level, Kind.leaf, lo, hi);
    }
    if ((lo & p.accessMask) !== p.accessMask) return Fault.accessFlag;
    rights &= p.leafGrants >>> ((((p.leafGrantHigh ? hi : lo) >>> p.leafGrantShift) & 7) << 2);
    if (p.nextLevel && value === 7) return encodedPage(p, level, lo, hi, low, high, rights, need);
    if ((rights & userRight) === 0) return Fault.privilege;
    if ((rights & need) !== need) return (need & ~rights & 1) !== 0 ? Fault.readRefused : Fault.writeRefused;
    const outLow = (lo & rows[row + Row.leafAddressLow]!) | (low & rows[row + Row.offsetLow]!);
    const outHigh = (hi & rows[row + Row.leafAddressHigh]!) | (high & rows[row + Row.offsetHigh]!);
    let frame = (outLow >>> 12) + outHigh * 0x10_0000;
    if (p.frameHigh) frame += ((lo >>> 12) & 15) * 0x10_0000_0000;
    if (p.interruptRange && frame >= interruptFirst && frame < interruptFirst + interruptCount) {
      return Fault.interruptRange;
    }
    return frame;
  }
}

/** Whether the bits above the input are what the root wants them to be. */
export function inputFits(p: WalkPlan, low: number, high: number): boolean {
  if ((p.upper & 1) !== 0 && ((low & p.upperLow) | (high & p.upperHigh)) === 0) return true;
  return (p.upper & 2) !== 0 && ((~low & p.upperLow) | (~high & p.upperHigh)) === 0;
}

/** Which of the two reasons to refuse an entry's bits it was. */
export function refusal(p: WalkPlan, level: number, kind: number, lo: number, hi: number): Fault {
  const row = level * rowLength;
  const refused = row + (kind === Kind.table ? Row.tableRefusedLow : Row.leafRefusedLow);
  const wide = row + (kind === Kind.table ? Row.tableWideLow : Row.leafWideLow);
  const reservedLow = lo & p.rows[refused]! & ~p.rows[wide]!;
  const reservedHigh = hi & p.rows[refused + 1]! & ~p.rows[wide + 1]!;
  return (reservedLow | reservedHigh) !== 0 ? Fault.reserved : Fault.addressSize;
}

/** AMD-Vi v1: whether the address has ones between the level that was left and the one that comes next. */
export function skipsOver(p: WalkPlan, level: number, next: number, low: number, high: number): boolean {
  const own = level * rowLength;
  const below = (next + 1) * rowLength;
  const { rows } = p;
  const skippedLow = low & rows[own + Row.offsetLow]! & ~rows[below + Row.offsetLow]!;
  const skippedHigh = high & rows[own + Row.offsetHigh]! & ~rows[below + Row.offsetHigh]!;
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
  const own = p.rows[level * rowLength]!;
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
