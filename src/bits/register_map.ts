/** Blocks of registers, declared: what lies at which offset, and what each register does by itself. */

import { assert } from "../base/assert.js";
import { u64High, u64Low } from "../base/u64.js";
import type { Field } from "./field.js";

/** What a register does by itself. */
export type Access =
  /** Software reads and writes it. */
  | "rw"
  /** Software's writes are lost. */
  | "ro"
  /** Software reads zeros; what it wrote is for the hardware. */
  | "wo"
  /** A write clears the bits in which it has ones. */
  | "rw1c"
  /** Reading it clears it. */
  | "clearedByRead";

/** Two words of a register, the low one first; the second is 0 in one of 32 bits. */
export type WordPair = readonly [low: number, high: number];

/** One register of a block. */
export interface Register {
  readonly name: string;
  /** Bytes from the base of the block; 4 or 8 of them. */
  readonly offset: number;
  readonly bytes: 4 | 8;
  readonly access: Access;
  /** What it holds after a reset. */
  readonly reset: WordPair;
  /** Bits that a write of software changes. */
  readonly writable: WordPair;
  /** Bits that a write of software clears where it has ones. */
  readonly clearing: WordPair;
  readonly doc: string;
}

/** What is said of a register beyond its access. */
export interface RegisterOptions {
  /** What it holds after a reset; 0 when left out. */
  readonly reset?: number | WordPair;
  /** Fields that do something else than the rest of the register. */
  readonly but?: { readonly [A in "rw" | "ro" | "rw1c"]?: readonly Field[] };
}

type Draft = Omit<Register, "name">;

/** The registers of one kind of device. */
export interface RegisterMap<Name extends string = string> {
  readonly title: string;
  readonly source: string;
  readonly byteCount: number;
  readonly registers: { readonly [K in Name]: Register };
}

/** One of 32 bits. */
export function register(offset: number, access: Access, doc: string, o: RegisterOptions = {}): Draft {
  return draft(offset, 4, access, doc, o);
}

/** One of 64 bits, in two accesses of 32 or one of 64. */
export function register64(offset: number, access: Access, doc: string, o: RegisterOptions = {}): Draft {
  return draft(offset, 8, access, doc, o);
}

function draft(offset: number, bytes: 4 | 8, access: Access, doc: string, o: RegisterOptions): Draft {
  const all = [0xffff_ffff, bytes === 8 ? 0xffff_ffff : 0];
  const writable = access === "rw" || access === "wo" ? all.slice() : [0, 0];
  const clearing = access === "rw1c" ? all.slice() : [0, 0];
  const { reset = 0, but = {} } = o;
  for (const [kind, fields] of Object.entries(but)) {
    for (const f of fields) {
      const mask = maskOf(f);
      for (const n of [0, 1] as const) {
        assert((mask[n] & ~all[n]!) === 0, `${f.name} lies inside the register at ${offset}`);
        writable[n] = (kind === "rw" ? writable[n]! | mask[n] : writable[n]! & ~mask[n]) >>> 0;
        clearing[n] = (kind === "rw1c" ? clearing[n]! | mask[n] : clearing[n]! & ~mask[n]) >>> 0;
      }
    }
  }
  const words: WordPair = typeof reset === "number" ? [u64Low(reset), u64High(reset)] : reset;
  assert(
    words.every((w, n) => w >>> 0 === w && (n === 0 || bytes === 8 || w === 0)),
    `${doc}: the reset value fits`,
  );
  const pair = (w: readonly number[]): WordPair => [w[0]!, w[1]!];
  return { offset, bytes, access, reset: words, writable: pair(writable), clearing: pair(clearing), doc };
}

/** The bits of a field in the two words that hold it. */
function maskOf(f: Field): WordPair {
  const mask: [number, number] = [0, 0];
  for (let bit = f.lsb; bit <= f.msb; bit++) {
    assert(bit < 64, `${f.name} is a field of a register`);
    const n = bit < 32 ? 0 : 1;
    mask[n] = (mask[n] | (1 << (bit % 32))) >>> 0;
  }
  return mask;
}

/** Where each register of a block lies, by name: bytes from its base. */
export function offsetsOf<Name extends string>(map: RegisterMap<Name>): { readonly [K in Name]: number } {
  const all = Object.values<Register>(map.registers).map(({ name, offset }) => [name, offset]);
  return Object.freeze(Object.fromEntries(all) as { readonly [K in Name]: number });
}

/** Declare a block. @throws Broken at load when two registers overlap or one lies outside. */
export function registerMap<const D extends Readonly<Record<string, Draft>>>(
  about: { readonly title: string; readonly source: string; readonly byteCount: number },
  drafts: D,
): RegisterMap<Extract<keyof D, string>> {
  const owner = new Map<number, string>();
  const registers = Object.fromEntries(
    Object.entries(drafts).map(([name, draft]) => {
      const { offset, bytes } = draft;
      assert(offset % bytes === 0 && offset >= 0, `${about.title}.${name} is aligned`);
      assert(offset + bytes <= about.byteCount, `${about.title}.${name} lies inside the block`);
      for (let at = offset; at < offset + bytes; at += 4) {
        assert(!owner.has(at), `${about.title}: ${name} and ${owner.get(at)} overlap`);
        owner.set(at, name);
      }
      return [name, Object.freeze({ name, ...draft })];
    }),
  ) as { readonly [K in Extract<keyof D, string>]: Register };
  return Object.freeze({ ...about, registers });
}
