/** Blocks of registers, declared: what lies at which offset, and what each register does by itself. */
import { assert } from "../base/assert.js";

/** What a register does by itself. */
export type Access =
  /** Software reads and writes it. */
  | "rw"
  /** Software's writes are lost. */
  | "ro"
  /** A write clears the bits in which it has ones. */
  | "rw1c"
  /** Reading it clears it. */
  | "clearedByRead";

/** One register of a block. */
export interface Register {
  readonly name: string;
  /** Bytes from the base of the block; 4 or 8 of them. */
  readonly offset: number;
  readonly bytes: 4 | 8;
  readonly access: Access;
  /** What it holds after a reset, below 2^53. */
  readonly reset: number;
  readonly doc: string;
}

type Draft = Omit<Register, "name">;

/** The registers of one kind of device. */
export interface RegisterMap<Name extends string = string> {
  readonly title: string;
  readonly source: string;
  readonly byteCount: number;
  readonly registers: { readonly [K in Name]: Register };
}

export function register(offset: number, access: Access, doc: string, reset = 0): Draft {
  return { offset, bytes: 4, access, reset, doc };
}

/** One of 64 bits, in two accesses of 32 or one of 64. */
export function register64(offset: number, access: Access, doc: string, reset = 0): Draft {
  return { offset, bytes: 8, access, reset, doc };
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
