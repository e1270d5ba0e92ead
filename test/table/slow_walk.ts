/**
 * A second reading of page tables: BigInt, one bit at a time by its position in the document, one function for each
 * vendor, nothing compiled and nothing shared with the walker but the numbers of its faults.
 */
import { Fault } from "../../src/table/fault.js";
import type { TableRoot } from "../../src/table/root.js";

export type ReadEntry = (address: bigint) => bigint | undefined;

/** Small BigInts are made once: this runs some hundred thousand times. */
const number = Array.from({ length: 66 }, (_, n) => BigInt(n));
const ones = Array.from({ length: 66 }, (_, n) => (1n << BigInt(n)) - 1n);
const bit = (entry: bigint, n: number) => (entry >> number[n]!) & 1n;
const field = (entry: bigint, msb: number, lsb: number) => (entry >> number[lsb]!) & ones[msb - lsb + 1]!;
const low = (value: bigint, count: number) => value & ones[count]!;

interface Seen {
  read: boolean;
  write: boolean;
  user: boolean;
}

/** @returns the output address (with the low 12 bits zero), or a Fault as a number. */
export function slowWalk(entryAt: ReadEntry, root: TableRoot, address: bigint, need: number): bigint | number {
  if (!inputFits(root, address)) return Fault.inputSize;
  const seen: Seen = { read: (root.allow & 1) !== 0, write: (root.allow & 2) !== 0, user: true };
  const family = root.format.startsWith("smmu") ? arm : root.format === "amdvi-v1" ? amd : intel;
  const end = family(entryAt, root, address, seen);
  if (typeof end === "number") return end;
  if (!seen.user && root.privileged !== true) return Fault.privilege;
  if ((need & 1) !== 0 && !seen.read) return Fault.readRefused;
  if ((need & 2) !== 0 && !seen.write) return Fault.writeRefused;
  if (root.format.startsWith("vtd") && end >> 20n === 0xfeen) return Fault.interruptRange;
  return (end >> 12n) << 12n;
}

function inputFits(root: TableRoot, address: bigint): boolean {
  const top = root.topByteIgnored === true ? 56 : 64;
  const above = field(address, top - 1, 0) >> number[root.inputBits]!;
  const every = ones[Math.max(top - root.inputBits, 0)]!;
  if (root.upper === "zero") return above === 0n;
  if (root.upper === "ones") return above === every;
  return above === (bit(address, root.inputBits - 1) === 1n ? every : 0n);
}

/** Index of an address at a level, from the bits that are left of the input. */
function indexOf(root: TableRoot, address: bigint, level: number, granuleLg2: number): bigint {
  const shift = granuleLg2 + level * (granuleLg2 - 3);
  const index = low(address, root.inputBits) >> number[shift]!;
  return level === root.level ? index : low(index, granuleLg2 - 3);
}

function topAddress(root: TableRoot, granuleLg2: number): bigint {
  const entries = root.inputBits - (granuleLg2 + root.level * (granuleLg2 - 3));
  const align = BigInt(Math.max(entries + 3, 6));
  return (BigInt(root.address) >> align) << align;
}

function intel(entryAt: ReadEntry, root: TableRoot, address: bigint, seen: Seen): bigint | number {
  const first = root.format !== "vtd-ss";
  const lacks = (f: string) => root.lacks?.some((l) => l === f) === true;
  let table = topAddress(root, 12);
  for (let level = root.level; ; level--) {
    const e = entryAt(table + indexOf(root, address, level, 12) * 8n);
    if (e === undefined) return Fault.outside;
    if (first ? bit(e, 0) === 0n : bit(e, 0) === 0n && bit(e, 1) === 0n) return Fault.absent;
    if (level >= 3 && bit(e, 7) === 1n) return Fault.reserved;
    const leaf = level === 0 || bit(e, 7) === 1n;
    if (leaf && level === 1 && !first && lacks("pages-2m")) return Fault.reserved;
    if (leaf && level === 2 && lacks("pages-1g")) return Fault.reserved;
    const size = 12 + 9 * level;
    if (leaf && level > 0 && field(e, size - 1, first ? 13 : 12) !== 0n) return Fault.reserved;
    if (!first && !leaf && (bit(e, 11) === 1n || bit(e, 62) === 1n)) return Fault.reserved;
    if (!first && leaf && bit(e, 11) === 1n && lacks("snoop-control")) return Fault.reserved;
    if (!first && leaf && bit(e, 62) === 1n && lacks("device-tlb")) return Fault.reserved;
    if (field(e, 51, 12) >> number[root.outputBits - 12]! !== 0n) return Fault.addressSize;
    if (first) {
      if (bit(e, 2) === 0n) seen.user = false;
    } else if (bit(e, 0) === 0n) seen.read = false;
    if (bit(e, 1) === 0n) seen.write = false;
    if (leaf) return (field(e, 51, size) << number[size]!) + low(address, size);
    table = field(e, 51, 12) << 12n;
  }
}

function amd(entryAt: ReadEntry, root: TableRoot, address: bigint, seen: Seen): bigint | number {
  let table = topAddress(root, 12);
  for (let level = root.level; ; ) {
    const e = entryAt(table + indexOf(root, address, level, 12) * 8n);
    if (e === undefined) return Fault.outside;
    if (bit(e, 0) === 0n) return Fault.absent;
    const next = Number(field(e, 11, 9));
    const leaf = next === 0 || next === 7;
    if (leaf ? level === 5 : next > level) return Fault.reserved;
    if (field(e, 56, 52) !== 0n || field(e, 58, 57) !== 0n) return Fault.reserved;
    if (!leaf && (bit(e, 59) === 1n || bit(e, 60) === 1n)) return Fault.reserved;
    if (field(e, 51, 12) >> number[root.outputBits - 12]! !== 0n) return Fault.addressSize;
    if (bit(e, 61) === 0n) seen.read = false;
    if (bit(e, 62) === 0n) seen.write = false;
    let size = 12 + 9 * level;
    if (next === 7) {
      let zero = 12;
      while (zero <= 51 && bit(e, zero) === 1n) zero++;
      if (zero + 1 <= size || zero + 1 >= size + 9 || zero + 1 > 52) return Fault.reserved;
      size = zero + 1;
    }
    if (leaf) return (field(e, 51, size) << number[size]!) + low(address, size);
    // Address bits between the level that comes next and this one.
    if (next < level && field(address, size - 1, 12 + 9 * next) !== 0n) return Fault.skipped;
    table = field(e, 51, 12) << 12n;
    level = next - 1;
  }
}

function arm(entryAt: ReadEntry, root: TableRoot, address: bigint, seen: Seen): bigint | number {
  const first = root.format.startsWith("smmu-s1");
  const granule = root.format.endsWith("-4k") ? 12 : root.format.endsWith("-16k") ? 14 : 16;
  const wide = granule === 16 && root.outputBits > 48;
  let table = topAddress(root, granule);
  for (let level = root.level; ; level--) {
    const e = entryAt(table + indexOf(root, address, level, granule) * 8n);
    if (e === undefined) return Fault.outside;
    const kind = field(e, 1, 0);
    if (kind === 0n || kind === 2n) return Fault.absent;
    const leaf = level === 0 || kind === 1n;
    if (level === 0 && kind === 1n) return Fault.absent;
    const blockHere =
      granule === 12 ? level <= 2 : granule === 14 ? level <= 1 : level <= (root.outputBits >= 52 ? 2 : 1);
    if (leaf && !blockHere) return Fault.absent;
    const size = leaf ? granule + level * (granule - 3) : granule;
    const out = (field(e, 47, size) << number[size]!) + (wide ? field(e, 15, 12) << 48n : 0n);
    if (out >> number[root.outputBits]! !== 0n) return Fault.addressSize;
    if (!leaf) {
      if (first && root.tablePermissions !== "ignore") {
        if (bit(e, 61) === 1n) seen.user = false;
        if (bit(e, 62) === 1n) seen.write = false;
      }
      table = out;
      continue;
    }
    if (bit(e, 10) === 0n && root.accessFlag !== "ignore") return Fault.accessFlag;
    if (first && bit(e, 6) === 0n) seen.user = false;
    if (first && bit(e, 7) === 1n) seen.write = false;
    if (!first && bit(e, 6) === 0n) seen.read = false;
    if (!first && bit(e, 7) === 0n) seen.write = false;
    return out + low(address, size);
  }
}
