/**
 * The gate's own reading of a grant entry, byte by byte: it shares no code with the tables that decide.
 * Source: Xen include/public/grant_table.h.
 */
import type { Memory } from "../../mem/memory.js";

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

interface Wanted {
  readonly to: number;
  readonly frame: number;
  readonly write: boolean;
  /** A copy of a part of the page; a mapping wants all of it. */
  readonly offset?: number;
  readonly length?: number;
}

/** Does the entry, as it stands in memory now, permit this? */
export function grants(memory: Memory, entry: EntryPlace, wanted: Wanted, passedOn = false): boolean {
  const bytes = new Uint8Array(entry.version === 1 ? 8 : 16);
  memory.read(entry.address, bytes);
  const number = (at: number, count: number): number => {
    let sum = 0;
    for (let n = count - 1; n >= 0; n--) sum = sum * 256 + bytes[at + n]!;
    return sum;
  };
  const flags = number(0, 2);
  if (number(2, 2) !== wanted.to) return false;
  if ((flags & 4) !== 0 && wanted.write) return false;
  const part = (flags & 0x100) !== 0 && entry.version === 2;
  if ((flags & 3) === 3 && entry.version === 2) {
    const next = passedOn ? null : entry.elsewhere(number(4, 2), number(8, 4));
    return next !== null && grants(memory, next, { ...wanted, to: entry.granter }, true);
  }
  if ((flags & 3) !== 1) return false;
  if (entry.frameOf(entry.version === 1 ? number(4, 4) : number(8, 8)) !== wanted.frame) return false;
  if (!part) return true;
  const from = number(4, 2);
  return (
    wanted.offset !== undefined && wanted.offset >= from && wanted.offset + (wanted.length ?? 0) <= from + number(6, 2)
  );
}
