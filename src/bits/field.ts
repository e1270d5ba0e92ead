/**
 * Bit fields of in-memory structures, as values.
 *
 * A structure is an array of little-endian 32-bit words. A field lies inside one word, or
 * straddles two neighbouring ones; a field that is an address is declared without its low
 * zero bits, so what is read is already a frame number.
 */
import { assert, Broken } from "../base/assert.js";

declare const value: unique symbol;

/** One field. `V` is the type of what it holds: a plain number, 0 | 1, or a frame number. */
export interface Field<V extends number = number> {
  readonly name: string;
  readonly msb: number;
  readonly lsb: number;
  readonly doc: string;
  readonly word: number;
  readonly shift: number;
  readonly mask: number;
  /** Weight of the second word's part; 0 when the field lies in one word. */
  readonly scale: number;
  /** One more than the largest value that fits. */
  readonly limit: number;
  readonly [value]?: V;
}

/** Read a field. @returns its value, unsigned, exact up to 53 bits */
export function read<V extends number>(words: ArrayLike<number>, at: number, f: Field<V>): V {
  const low = words[at + f.word]! >>> f.shift;
  if (f.scale === 0) return ((low & f.mask) >>> 0) as V;
  return (low + ((words[at + f.word + 1]! & f.mask) >>> 0) * f.scale) as V;
}

/** Replace the field's bits and leave its neighbours. Throws Broken when `v` does not fit. */
export function write<V extends number>(words: Uint32Array, at: number, f: Field<V>, v: V): void {
  const w = at + f.word;
  words[w] = lowWith(words[w]!, f, v);
  if (f.scale !== 0) words[w + 1] = highWith(words[w + 1]!, f, v);
}

/** @returns the field's first word with the field's bits replaced, its neighbours left. @throws Broken as `write` does. */
export function lowWith<V extends number>(word: number, f: Field<V>, v: V): number {
  if (!(v >= 0 && v < f.limit)) misfit(f, v);
  if (f.scale === 0) return ((word & ~(f.mask << f.shift)) | (v << f.shift)) >>> 0;
  return ((word & (2 ** f.shift - 1)) | (v << f.shift)) >>> 0;
}

/** The same of the second word, of a field that straddles two. */
export function highWith<V extends number>(word: number, f: Field<V>, v: V): number {
  return ((word & ~f.mask) | (v / f.scale)) >>> 0;
}

/** Out of line: a message built inside a hot function is built on every call. */
function misfit(f: Field, v: number): never {
  throw new Broken(`${f.name} [${f.msb}:${f.lsb}] cannot hold ${v}`);
}

/** A field whose name is not yet known: `layout` gives it the key it is declared under. */
export type Draft<V extends number> = Omit<Field<V>, "name" | typeof value> & { readonly [value]?: V };

export const bit = (n: number, doc: string): Draft<0 | 1> => bits(n, n, doc);

/**
 * A number of 64 bits in two whole words, an address most often. What is read is exact below 2^53 and rounded beyond, never
 * to less than 2^53 (`isExact`); what is written is below 2^53.
 * @param lsb a multiple of 32
 */
export function address64<V extends number = number>(lsb: number, doc: string): Draft<V> {
  assert(lsb % 32 === 0, "an address of 64 bits fills two words");
  return { msb: lsb + 63, lsb, doc, word: lsb / 32, shift: 0, mask: 0xffff_ffff, scale: 2 ** 32, limit: 2 ** 53 };
}

export function bits<V extends number = number>(msb: number, lsb: number, doc: string): Draft<V> {
  const width = msb - lsb + 1,
    word = lsb >>> 5,
    shift = lsb & 31,
    inFirst = 32 - shift,
    limit = 2 ** width;
  assert(width >= 1 && width <= 53, "a field is 1 to 53 bits wide");
  assert(msb >>> 6 === lsb >>> 6, "a field stays inside one 64-bit word");
  if (width <= inFirst) return { msb, lsb, doc, word, shift, mask: limit - 1, scale: 0, limit };
  return { msb, lsb, doc, word, shift, mask: 2 ** (width - inFirst) - 1, scale: 2 ** inFirst, limit };
}
