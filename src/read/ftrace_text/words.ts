/**
 * Words of event text as small numbers, found by a hash that the scan of the bytes computes on its way.
 *
 * The sets are fixed and checked for collisions at load. A foreign word that collides with a listed one (1 in 2^32)
 * still has to be followed by a value of the right form.
 */
import { assert } from "../../base/assert.js";
import { attributeNames, directionNames } from "../../spec/dma/direction.js";
import { unknownDirection } from "../event.js";

/** One step of the hash, from 0: `hash = step(hash, byte)` for each byte of the word. */
export function step(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

export function hashOf(word: string): number {
  let hash = 0;
  for (let i = 0; i < word.length; i++) hash = step(hash, word.charCodeAt(i));
  return hash;
}

/** A fixed set of words, each with a number. Open addressing over hashes. */
export interface Words {
  readonly mask: number;
  readonly hashes: Int32Array;
  readonly values: Int32Array;
}

/** @param entries values are >= 0. */
export function words(entries: Iterable<readonly [string, number]>): Words {
  const list = [...entries];
  const size = 1 << (34 - Math.clz32(list.length));
  const table: Words = { mask: size - 1, hashes: new Int32Array(size), values: new Int32Array(size).fill(-1) };
  for (const [word, value] of list) {
    const hash = hashOf(word);
    assert(numberOf(table, hash) === -1, `${word} hashes like no other word of its set`);
    let at = spread(hash) & table.mask;
    while (table.values[at] !== -1) at = (at + 1) & table.mask;
    table.hashes[at] = hash;
    table.values[at] = value;
  }
  return table;
}

/** @returns the number of the word with this hash, -1 when it is none of the set. */
export function numberOf(table: Words, hash: number): number {
  let at = spread(hash) & table.mask;
  for (;;) {
    const value = table.values[at]!;
    if (value === -1 || table.hashes[at] === hash) return value;
    at = (at + 1) & table.mask;
  }
}

function spread(hash: number): number {
  return hash ^ (hash >>> 7) ^ (hash >>> 15);
}

/** What the value after `key=` fills. Keys not listed are skipped. */
export const Role = {
  dma: 0,
  size: 1,
  phys: 2,
  direction: 3,
  attrs: 4,
  mask: 5,
  dmaList: 6,
  sizeList: 7,
  physList: 8,
  entries: 9,
  device: 10,
  total: 11,
  forced: 12,
} as const;

/**
 * Keys of all generations. `lengths`, `addrs` and `full_nents` are names of fields, which trace-cmd prints when it
 * cannot evaluate an event's print format.
 */
export const roles = words([
  ["dma_addr", Role.dma],
  ["dev_addr", Role.dma],
  ["iova", Role.dma],
  ["size", Role.size],
  ["phys_addr", Role.phys],
  ["paddr", Role.phys],
  ["dir", Role.direction],
  ["attrs", Role.attrs],
  ["dma_mask", Role.mask],
  ["dma_addrs", Role.dmaList],
  ["sizes", Role.sizeList],
  ["lengths", Role.sizeList],
  ["phys_addrs", Role.physList],
  ["addrs", Role.physList],
  ["nents", Role.entries],
  ["device", Role.device],
  ["dev", Role.device],
  ["full_nents", Role.total],
  ["swiotlb_force", Role.forced],
]);

export const directions = words(directionNames.map((name, code) => [name, code] as const));

/** Attribute names to bit numbers. */
export const attributes = words(Object.entries(attributeNames).map(([bit, name]) => [name, Number(bit)] as const));

/** Why a bounce was made, as printed: 1 = FORCE. NO_FORCE was printed before 5.18. */
export const force = words([
  ["NORMAL", 0],
  ["FORCE", 1],
  ["NO_FORCE", 0],
]);

/** @returns a direction's code when it is one of the kernel's four, else `unknownDirection`. */
export function directionCode(code: number): number {
  return code >= 0 && code < directionNames.length ? code : unknownDirection;
}
