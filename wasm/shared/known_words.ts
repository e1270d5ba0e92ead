/**
 * Words that the host has told the number of: found by a hash and compared whole. The host decides what a word means; a
 * table only remembers it, and what it has no room for is asked again each time.
 *
 * An entry is 64 bytes: hash, length (0 = free), number, 4 bytes unused, the word.
 */
const entryLg2 = 6;
const wordAt = 16;
const mostBytes = 48;
/** Entries looked at for a word: a table stays quick whatever is put into it. */
const mostTries = 8;

/** What `find` returns for a word that the table does not have. */
export const unknown: i32 = i32.MIN_VALUE;

/** @returns the number of the word of `length` bytes at `p` in a table of `slots` entries, a power of two. */
export function find(table: usize, slots: i32, p: usize, length: i32): i32 {
  const hash = hashOf(p, length);
  for (let tries = 0; tries < mostTries; tries++) {
    const entry = table + ((<usize>((hash + tries) & (slots - 1))) << entryLg2);
    const kept = load<i32>(entry, 4);
    if (kept === 0) break;
    if (kept === length && load<i32>(entry) === hash && same(entry + wordAt, p, length)) return load<i32>(entry, 8);
  }
  return unknown;
}

/** Remember the number of a word that `find` does not know, if there is room. */
export function add(table: usize, slots: i32, p: usize, length: i32, number: i32): void {
  if (length <= 0 || length > mostBytes) return;
  const hash = hashOf(p, length);
  for (let tries = 0; tries < mostTries; tries++) {
    const entry = table + ((<usize>((hash + tries) & (slots - 1))) << entryLg2);
    if (load<i32>(entry, 4) !== 0) continue;
    store<i32>(entry, hash);
    store<i32>(entry, length, 4);
    store<i32>(entry, number, 8);
    memory.copy(entry + wordAt, p, length);
    return;
  }
}

const multiplier: i64 = 0x9e3779b97f4a7c15;

/** Of the first and the last sixteen bytes, in which words differ. */
function hashOf(p: usize, length: i32): i32 {
  const end = p + length;
  let hash: i64 = length;
  if (length >= 8) {
    hash = mix(hash, load<i64>(p));
    hash = mix(hash, load<i64>(end - 8));
    if (length > 16) {
      hash = mix(hash, load<i64>(p, 8));
      hash = mix(hash, load<i64>(end - 16));
    }
  } else if (length >= 4) {
    hash = mix(hash, load<u32>(p));
    hash = mix(hash, load<u32>(end - 4));
  } else {
    for (let at = p; at < end; at++) hash = mix(hash, load<u8>(at));
  }
  return <i32>(hash >>> 32);
}

function mix(hash: i64, more: i64): i64 {
  return (hash ^ (hash >>> 29) ^ more) * multiplier;
}

function same(a: usize, b: usize, length: i32): bool {
  if (length >= 16) {
    for (let i = 0; i < length - 16; i += 16) if (!equal(v128.load(a + i), v128.load(b + i))) return false;
    return equal(v128.load(a + length - 16), v128.load(b + length - 16));
  }
  if (length >= 8) return load<i64>(a) === load<i64>(b) && load<i64>(a + length - 8) === load<i64>(b + length - 8);
  if (length >= 4) return load<i32>(a) === load<i32>(b) && load<i32>(a + length - 4) === load<i32>(b + length - 4);
  for (let i = 0; i < length; i++) if (load<u8>(a + i) !== load<u8>(b + i)) return false;
  return true;
}

function equal(a: v128, b: v128): bool {
  return v128.all_true<i8>(v128.eq<i8>(a, b));
}
