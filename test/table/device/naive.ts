/**
 * A slow second reading of device tables: 64-bit integers, bits by number, one request at a time.
 *
 * It shares nothing with the library but the memory. Answers are texts: `fault 11`, or the state and all that counts.
 */
import { mfn } from "../../../src/base/index.js";
import type { Memory } from "../../../src/mem/index.js";

type Quads = readonly bigint[];

/** Little-endian 64-bit words; null where the memory holds nothing. */
function quads(memory: Memory, at: number, count: number): Quads | null {
  const words = memory.frame(mfn(Math.floor(at / 4096)));
  if (words === undefined) return null;
  const from = (at % 4096) / 4;
  return Array.from(
    { length: count },
    (_, n) => BigInt(words[from + 2 * n]!) | (BigInt(words[from + 2 * n + 1]!) << 32n),
  );
}

/** Bits msb to lsb of a structure, numbered through its words. */
function bits(of: Quads, msb: number, lsb = msb): bigint {
  const whole = of.reduce((sum, q, n) => sum | (q << BigInt(64 * n)), 0n);
  return (whole >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);
}
const num = (of: Quads, msb: number, lsb = msb) => Number(bits(of, msb, lsb));
const any = (of: Quads, ...ranges: [number, number][]) => ranges.some(([m, l]) => bits(of, m, l) !== 0n);
const fault = (code: number) => `fault ${code}`;
const beyond = (address: bigint, width: number) => address >= 1n << BigInt(width);

export interface Asked {
  readonly memory: Memory;
  readonly root: number;
  readonly width: number;
  readonly requester: number;
  readonly pasid: number | null;
}

const ss = (aw: number, table: bigint) => `second vtd-ss@${table} level ${aw + 1} of ${30 + 9 * aw}`;

export function vtdLegacy({ memory, root, width, requester, pasid }: Asked): string {
  if (pasid !== null) return fault(0x31);
  const re = quads(memory, root + (requester >> 8) * 16, 2);
  if (re === null) return fault(8);
  if (bits(re, 0) === 0n) return fault(1);
  const ctp = bits(re, 63, 12) << 12n;
  if (any(re, [11, 1], [127, 64]) || beyond(ctp, width)) return fault(10);
  const ce = quads(memory, Number(ctp) + (requester & 255) * 16, 2);
  if (ce === null) return fault(9);
  if (bits(ce, 0) === 0n) return fault(2);
  const table = bits(ce, 63, 12) << 12n;
  if (any(ce, [11, 4], [71, 71], [127, 88]) || beyond(table, width)) return fault(11);
  const [tt, aw, did] = [num(ce, 3, 2), num(ce, 66, 64), num(ce, 87, 72)];
  if (aw === 0 || aw > 3 || tt === 3) return fault(3);
  return tt === 2 ? `identity ${did}` : `translated ${did} ats ${tt === 1} ${ss(aw, table)}`;
}

export function vtdScalable({ memory, root, width, requester, pasid }: Asked): string {
  const re = quads(memory, root + (requester >> 8) * 16, 2);
  if (re === null) return fault(0x38);
  const half = [re[(requester >> 7) & 1]!];
  if (bits(half, 0) === 0n) return fault(0x39);
  if (any(half, [11, 1]) || beyond(bits(half, 63, 12) << 12n, width)) return fault(0x3a);
  const ce = quads(memory, Number(bits(half, 63, 12)) * 4096 + (requester & 127) * 32, 4);
  if (ce === null) return fault(0x40);
  if (bits(ce, 0) === 0n) return fault(0x41);
  const directory = bits(ce, 63, 12) << 12n;
  if (any(ce, [8, 5], [255, 85]) || beyond(directory, width)) return fault(0x42);
  if (pasid !== null && bits(ce, 3) === 0n) return fault(0x45);
  const p = pasid ?? num(ce, 83, 64);
  if (p >> 6 >= 2 ** (num(ce, 11, 9) + 7)) return fault(pasid === null ? 0x48 : 0x46);
  const de = quads(memory, Number(directory) + (p >> 6) * 8, 1);
  if (de === null) return fault(0x50);
  if (bits(de, 0) === 0n) return fault(0x51);
  if (any(de, [11, 2]) || beyond(bits(de, 63, 12) << 12n, width)) return fault(0x52);
  const pe = quads(memory, Number(bits(de, 63, 12)) * 4096 + (p & 63) * 64, 8);
  if (pe === null) return fault(0x58);
  if (bits(pe, 0) === 0n) return fault(0x59);
  if (any(pe, [11, 10], [86, 80], [139, 136], [511, 192])) return fault(0x5a);
  const [pgtt, aw, fspm, did] = [num(pe, 8, 6), num(pe, 4, 2), num(pe, 131, 130), num(pe, 79, 64)];
  const [second, first] = [bits(pe, 63, 12) << 12n, bits(pe, 191, 140) << 12n];
  const [hasFirst, hasSecond] = [pgtt === 1 || pgtt === 3, pgtt === 2 || pgtt === 3];
  if (pgtt === 0 || pgtt > 4) return fault(0x5b);
  if (hasSecond && (aw === 0 || aw > 3)) return fault(0x5b);
  if (hasFirst && fspm > 1) return fault(0x5b);
  const inner = Math.min(30 + 9 * aw, 52);
  if (hasSecond && beyond(second, width)) return fault(0x5a);
  if (hasFirst && beyond(first, pgtt === 3 ? inner : width)) return fault(0x5a);
  if (pgtt === 4) return `identity ${did} pasid ${p}`;
  const fs = hasFirst ? `first vtd-fs@${first} level ${fspm + 3} out ${pgtt === 3 ? inner : width} ` : "";
  return `translated ${did} pasid ${p} ats ${bits(ce, 2) === 1n} ${fs}${hasSecond ? ss(aw, second) : ""}`;
}

export function amdvi({ memory, root, width, requester, pasid }: Asked): string {
  const e = quads(memory, root + requester * 32, 4);
  if (e === null) return fault(3);
  if (bits(e, 0) === 0n) return "bypass";
  if (any(e, [6, 2], [63, 63])) return fault(1);
  const [mode, did, rights] = [num(e, 11, 9), num(e, 79, 64), num(e, 62, 61)];
  if (bits(e, 1) === 0n) return `blocked ${did}`;
  if (mode === 7 || (mode > 0 && beyond(bits(e, 51, 12) << 12n, width))) return fault(1);
  const host = `amdvi-v1@${bits(e, 51, 12) << 12n} level ${mode - 1} of ${Math.min(12 + 9 * mode, 64)}`;
  const plain = () => {
    if (rights === 0) return `blocked ${did}`;
    return mode === 0
      ? `identity ${did} allow ${rights}`
      : `translated ${did} ats ${bits(e, 96) === 1n} second ${host}`;
  };
  if (bits(e, 55) === 0n) return pasid === null ? plain() : fault(8);
  if (num(e, 57, 56) === 3 || num(e, 183, 182) > 1) return fault(1);
  if (pasid === null && bits(e, 54) === 0n) return plain();
  if (mode !== 0) return "nested";
  const p = pasid ?? 0;
  const levels = num(e, 57, 56) + 1;
  if (p >= Math.min(512 ** levels, 2 ** 20)) return fault(2);
  let table = (bits(e, 60, 58) << 12n) | (bits(e, 95, 80) << 15n) | (bits(e, 127, 107) << 31n);
  for (let level = levels - 1; level >= 0; level--) {
    const g = quads(memory, Number(table) + ((p >> (9 * level)) & 511) * 8, 1);
    if (g === null) return fault(4);
    if (bits(g, 0) === 0n || any(g, [63, 52])) return fault(2);
    table = bits(g, 51, 12) << 12n;
  }
  if (rights === 0) return `blocked ${did}`;
  return `translated ${did} ats ${bits(e, 96) === 1n} pasid ${p} first amdvi-v2@${table} level ${3 + num(e, 183, 182)} allow ${rights}`;
}

const granules = [12, 16, 14, 0];
const sizes = [32, 36, 40, 42, 44, 48, 52, 56];

/** Linear stream table of 2^6 streams, first stage or no stage. */
export function smmuFirst({ memory, root, width, requester, pasid }: Asked): string {
  if (requester >= 64) return fault(2);
  const e = quads(memory, root + requester * 64, 8);
  if (e === null) return fault(3);
  if (bits(e, 0) === 0n) return fault(4);
  const config = num(e, 3, 1);
  if (config < 4) return "blocked";
  if (config >= 6) return "second";
  if (config === 5 && (num(e, 63, 59) > 20 || bits(e, 94) === 1n || num(e, 93, 92) === 2)) return fault(4);
  if (config === 5 && beyond(bits(e, 55, 6) << 6n, width)) return fault(4);
  if (config === 4) return pasid === null ? "bypass" : fault(8);
  const lg2 = num(e, 63, 59);
  const dss = num(e, 65, 64);
  if (pasid === null && lg2 > 0 && dss === 1) return "bypass";
  if (pasid === null && lg2 > 0 && dss !== 2) return fault(6);
  if (pasid !== null && (lg2 === 0 || pasid >= 2 ** lg2)) return fault(8);
  if (pasid === 0 && dss === 2) return fault(6);
  const ssid = pasid ?? 0;
  let at = bits(e, 55, 6) << 6n;
  const format = num(e, 5, 4);
  if (lg2 > 0 && (format === 1 || format === 2)) {
    const perLeaf = format === 1 ? 64 : 1024;
    if (beyond(at, 52)) return fault(9);
    const d = quads(memory, Number(at) + Math.floor(ssid / perLeaf) * 8, 1);
    if (d === null) return fault(9);
    if (bits(d, 0) === 0n) return fault(8);
    if (beyond(bits(d, 55, 12) << 12n, width)) return fault(8);
    at = (bits(d, 55, 12) << 12n) + BigInt((ssid % perLeaf) * 64);
  } else at += BigInt(ssid * 64);
  const c = beyond(at, 52) ? null : quads(memory, Number(at), 8);
  if (c === null) return fault(9);
  if (bits(c, 31) === 0n) return fault(10);
  if (bits(c, 44) === 1n && bits(e, 91) === 1n) return fault(10);
  if (bits(c, 67) === 1n && bits(c, 43) === 0n) return fault(10);
  const walks = bits(c, 14) === 0n || bits(c, 30) === 0n;
  if (walks && (bits(c, 41) === 0n || bits(c, 15) === 1n)) return "unread";
  const tables: string[] = [];
  for (const half of [0, 1]) {
    if (bits(c, half === 0 ? 14 : 30) === 1n) continue;
    const g = half === 0 ? granules[num(c, 7, 6)]! : [0, 14, 12, 16][num(c, 23, 22)]!;
    const size = half === 0 ? num(c, 5, 0) : num(c, 21, 16);
    if (g === 0) return fault(10);
    if (bits(c, 186) === 1n && g !== 16) return "unread";
    if (size > 39 || size < (g === 16 ? 12 : 16)) return fault(10);
    const out = Math.min(sizes[num(c, 34, 32)]!, width, g === 16 ? 52 : 48);
    const ttb = (half === 0 ? bits(c, 119, 68) : bits(c, 183, 132)) << 4n;
    if (beyond(ttb, out)) return fault(10);
    // Levels below the top resolve g - 3 bits each; what is left is the top's.
    let level = 0;
    while (g + (g - 3) * (level + 1) < 64 - size) level++;
    const entries = 1n << BigInt(64 - size - g - (g - 3) * level);
    const start = ttb - (ttb % (entries * 8n > 16n ? entries * 8n : 16n));
    tables.push(`first smmu-s1-${2 ** (g - 10)}k@${start} level ${level} of ${64 - size} out ${out}`);
  }
  const did = num(c, 63, 48);
  return tables.length === 0 ? `blocked ${did}` : `translated ${did} ats ${num(e, 93, 92) !== 0} ${tables.join(" ")}`;
}
