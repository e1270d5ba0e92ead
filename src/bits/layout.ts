/** A whole structure: every bit of it is a named field, ignored, or reserved. */
import { assert } from "../base/assert.js";
import { type Draft, type Field, read } from "./field.js";

/** Bits of a structure, both included. */
export type BitRange = readonly [msb: number, lsb: number];
/** Fields before they have names. */
export type Drafts = Readonly<Record<string, Draft<number>>>;
/** The same, named. */
export type Named<D extends Drafts> = { readonly [K in keyof D]: D[K] extends Draft<infer V> ? Field<V> : never };

/** What is said of a structure as a whole. */
export interface About {
  readonly title: string;
  readonly source: string;
  readonly bitCount: number;
  readonly fields: readonly Field[];
  readonly reserved: readonly BitRange[];
}

/** Fields by name, and `$` for what is said of the structure as a whole. */
export type Layout<D extends Drafts> = Named<D> & { readonly $: About };

/**
 * Declare a structure.
 *
 * @throws Broken at load when two fields overlap or a bit is left unaccounted for: a layout
 *   that loads is complete.
 */
export function layout<const D extends Drafts>(
  about: {
    title: string;
    source: string;
    bitCount: number;
    ignored?: readonly BitRange[];
    reserved?: readonly BitRange[];
  },
  drafts: D,
): Layout<D> {
  const { title, source, bitCount, ignored = [], reserved = [] } = about;
  const owner = new Array<string | undefined>(bitCount);
  const claim = (msb: number, lsb: number, name: string) => {
    assert(lsb >= 0 && msb >= lsb && msb < bitCount, `${title}.${name} lies inside ${bitCount} bits`);
    for (let b = lsb; b <= msb; b++) {
      assert(owner[b] === undefined, `${title}: bit ${b} is ${owner[b]} and ${name}`);
      owner[b] = name;
    }
  };
  const fields = Object.entries(drafts).map(([name, draft]): Field => {
    claim(draft.msb, draft.lsb, name);
    return Object.freeze({ name, ...draft });
  });
  for (const [msb, lsb] of ignored) claim(msb, lsb, "ignored");
  for (const [msb, lsb] of reserved) claim(msb, lsb, "reserved");
  const hole = owner.findIndex((name) => name === undefined);
  assert(hole === -1, `${title}: bit ${hole} is unaccounted for`);
  const $: About = Object.freeze({ title, source, bitCount, fields, reserved });
  return Object.freeze({ ...Object.fromEntries(fields.map((f) => [f.name, f])), $ }) as Layout<D>;
}

/** One line for each field, for a command line or a page: the declaration is the decoder. */
export function describe(words: Uint32Array, at: number, $: About): string[] {
  return $.fields.map((f) => {
    const place = `[${f.msb}:${f.lsb}]`.padEnd(9),
      shown = digits(words, at, f).padEnd(12);
    return `${place}${f.name.padEnd(10)}0x${shown}${f.doc}`;
  });
}

/** Hexadecimal, of both words where a double may not hold them. */
function digits(words: Uint32Array, at: number, f: Field): string {
  if (f.msb - f.lsb < 63) return read(words, at, f).toString(16);
  const [low, high] = [words[at + f.word]!, words[at + f.word + 1]!];
  return high === 0 ? low.toString(16) : high.toString(16) + low.toString(16).padStart(8, "0");
}
