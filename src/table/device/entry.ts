/** Reading one entry of a device structure, and saying why it does not lead on. */

import { frameBytes, type Mfn } from "../../base/frame.js";
import { hexDigits } from "../../base/hex.js";
import type { About } from "../../bits/layout.js";
import type { MemoryView } from "../../mem/view.js";
import type { Trouble, TroubleKind } from "../trouble.js";
import type { EntryRead, LookupFault } from "./attachment.js";

const pageBytes = frameBytes;

/** Addresses of structures are below this, so that every byte of them is an exact double. */
const addressMax = 2 ** 52;

/**
 * @param address byte address, aligned to the entry's size (so that an entry never crosses a frame)
 * @returns a copy of the entry's words; undefined when the memory does not hold it.
 */
export function entryAt(memory: MemoryView, address: number, wordCount: number): Uint32Array | undefined {
  if (!(address >= 0 && address < addressMax)) return undefined;
  if (memory.entry !== undefined) return memory.entry(address, wordCount);
  const words = memory.frame(Math.floor(address / pageBytes) as Mfn);
  if (words === undefined) return undefined;
  const at = (address % pageBytes) >>> 2;
  return words.slice(at, at + wordCount);
}

const masks = new WeakMap<About, Uint32Array>();

/** One word for each of the structure's, with a 1 for each reserved bit. */
export function reservedMask(about: About): Uint32Array {
  let mask = masks.get(about);
  if (mask === undefined) {
    mask = new Uint32Array(about.bitCount / 32);
    for (const [msb, lsb] of about.reserved) {
      for (let b = lsb; b <= msb; b++) mask[b >>> 5] = mask[b >>> 5]! | (1 << (b & 31));
    }
    masks.set(about, mask);
  }
  return mask;
}

/** Are reserved bits set in the words `from` to `to` - 1 of an entry that begins at word `at`? */
export function reservedSet(words: Uint32Array, at: number, about: About, from = 0, to = about.bitCount / 32): boolean {
  const mask = reservedMask(about);
  for (let w = from; w < to; w++) if ((words[at + w]! & mask[w]!) !== 0) return true;
  return false;
}

/** The value as one number, most significant digits first: `0x3c7b001`. */
export function hexWords(words: Uint32Array): string {
  const digits = [...words].reverse().map((w) => hexDigits(w, 8));
  return `0x${digits.join("").replace(/^0+(?=.)/, "")}`;
}

/** A lookup that ended, with what kind of ending it was. `absent`: software set nothing up, which is no trouble. */
export interface LookupEnd extends LookupFault {
  readonly kind: TroubleKind | "absent";
}

export const isLookupEnd = (found: object): found is LookupEnd => "code" in found;

/** Says what an entry led to. It is put in words when somebody asks: of most entries nobody does. */
type Meaning = string | ((words: Uint32Array) => string);

class Entry implements EntryRead {
  readonly at: number;
  readonly words: Uint32Array;
  readonly about: About;
  readonly #meaning: Meaning;

  constructor(at: number, words: Uint32Array, about: About, meaning: Meaning) {
    this.at = at;
    this.words = words;
    this.about = about;
    this.#meaning = meaning;
  }

  get meaning(): string {
    return typeof this.#meaning === "string" ? this.#meaning : this.#meaning(this.words);
  }
}

/** The entries read so far on the way to one device. */
export class Path {
  readonly entries: EntryRead[] = [];

  add(at: number, words: Uint32Array, about: About, meaning: Meaning): void {
    this.entries.push(new Entry(at, words, about, meaning));
  }

  /** A path that begins as this one does. */
  fork(): Path {
    const path = new Path();
    path.entries.push(...this.entries);
    return path;
  }

  refuse(kind: LookupEnd["kind"], code: number | null, why: string): LookupEnd {
    return { kind, code, why, entries: this.entries };
  }
}

/** The trouble that a refusal is; the entry is the last one that was read, or `root` when none was. */
export function troubleOf(refusal: LookupEnd, root: number): Trouble {
  const last = refusal.entries.at(-1);
  return {
    kind: refusal.kind === "absent" ? "reserved" : refusal.kind,
    entryAt: last?.at ?? root,
    value: last === undefined ? "0x0" : hexWords(last.words),
    iova: null,
    level: null,
    what: refusal.why,
  };
}
