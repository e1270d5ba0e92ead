/**
 * One entry, or status word, of a grant table: where it lies in the granter's memory, and its fields there. Both sides
 * change it at any moment, so nothing of it is kept; each access is one of memory.
 * Source: Xen include/public/grant_table.h.
 */
import { frameBytes } from "../../../base/frame.js";
import { type Field, highWith, lowWith, read } from "../../../bits/field.js";
import type { Memory } from "../../../mem/memory.js";
import { grantEntryBytes, grantStatusBytes } from "../../../spec/xen/grant_entry.js";
import type { Domain } from "../hypervisor/domain.js";

const pageBytes = frameBytes;
/** What one access brought; read before the next one. */
const word = new Uint32Array(1);
const pair = new Uint32Array(2);

/** Byte address of an entry in machine memory. */
export function entryAddress(d: Domain, ref: number): number {
  const at = ref * grantEntryBytes[d.grants.version];
  return d.grants.shared[Math.floor(at / pageBytes)]! * pageBytes + (at % pageBytes);
}

/** Byte address of the 16 bits that version 2 keeps of an entry's use. */
export function statusAddress(d: Domain, ref: number): number {
  const at = ref * grantStatusBytes;
  return d.grants.status[Math.floor(at / pageBytes)]! * pageBytes + (at % pageBytes);
}

/** One field of an entry. @param entry its byte address */
export function loadField<V extends number>(memory: Memory, entry: number, f: Field<V>): V {
  const words = f.scale === 0 ? word : pair;
  memory.load(entry + f.word * 4, words);
  return read(words, -f.word, f);
}

/** Replace one field of an entry and leave its neighbours. @throws Broken when `v` does not fit. */
export function storeField<V extends number>(memory: Memory, entry: number, f: Field<V>, v: V): void {
  const at = entry + f.word * 4;
  if (f.scale === 0) memory.store32(at, lowWith(memory.load32(at), f, v));
  else {
    memory.load(at, pair);
    memory.store64(at, lowWith(pair[0]!, f, v), highWith(pair[1]!, f, v));
  }
}
