/**
 * The gate's own reading of a grant entry, byte by byte: it shares no code with the tables that decide.
 * Source: Xen include/public/grant_table.h.
 */
import type { Memory } from "../../../mem/memory.js";

/** Where an entry lies. */
export interface EntryPlace {
  readonly version: 1 | 2;
  /** Whose table it is in. */
  readonly granter: number;
  /** Byte address of the entry in machine memory. */
  readonly address: number;
  /** What a gfn of the granter meant at that moment; -1 when nothing. */
  frameOf(gfn: number): number;
  /** The place of another domain's entry, for a grant that is passed on; null when there is none. */
  elsewhere(domain: number, ref: number): EntryPlace | null;
}

export interface Wanted {
  readonly to: number;
  readonly frame: number;
  readonly write: boolean;
  /** Bytes of the page that a copy wants; -1: a mapping, which wants all of it. */
  readonly offset: number;
  readonly length: number;
}

const entry16 = new Uint8Array(16);
const entry8 = entry16.subarray(0, 8);

/** Does the entry, as it stands in memory now, permit this? */
export function grants(memory: Memory, entry: EntryPlace, wanted: Wanted, passedOn = false): boolean {
  memory.read(entry.address, entry.version === 1 ? entry8 : entry16);
  const flags = number(0, 2);
  if (number(2, 2) !== wanted.to) return false;
  if ((flags & 4) !== 0 && wanted.write) return false;
  if ((flags & 3) === 3 && entry.version === 2) {
    const next = passedOn ? null : entry.elsewhere(number(4, 2), number(8, 4));
    return next !== null && grants(memory, next, { ...wanted, to: entry.granter }, true);
  }
  if ((flags & 3) !== 1) return false;
  if (entry.frameOf(entry.version === 1 ? number(4, 4) : number(8, 8)) !== wanted.frame) return false;
  if ((flags & 0x100) === 0 || entry.version === 1) return true;
  const from = number(4, 2);
  return wanted.offset >= from && wanted.offset + wanted.length <= from + number(6, 2);
}

export function saysReadOnly(memory: Memory, entry: EntryPlace): boolean {
  memory.read(entry.address, entry8);
  return (number(0, 2) & 4) !== 0;
}

/** Little-endian, from the bytes last read. */
function number(at: number, count: number): number {
  let sum = 0;
  for (let n = count - 1; n >= 0; n--) sum = sum * 256 + entry16[at + n]!;
  return sum;
}
