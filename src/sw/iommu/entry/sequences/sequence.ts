/** How a kernel turns an entry into another: what it stores, what it waits for, whose translations it has forgotten. */
import type { EntryFormat } from "../entry_format.js";
import { type EntryStep, type Widths, writeEntry } from "../write_entry.js";

/** Whose tag: the old entry's, the new one's, or one that nobody else uses. */
export type TagName = "old" | "new" | "spare";

/** Translations under a tag are forgotten, in the unit and in the device. */
export interface FlushStep {
  readonly kind: "flush";
  readonly tag: TagName;
}
export type ReplaceStep = EntryStep | FlushStep;

/** What a sequence is given. */
export interface Replaced {
  readonly format: EntryFormat;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly widths: Widths;
  /** The same entry under another tag. */
  readonly retagged: (entry: Uint32Array, tag: TagName) => Uint32Array;
}

export interface Sequence {
  readonly title: string;
  readonly source: string;
  /** A kernel of today does so. */
  readonly ships?: true;
  /** What it knows how to replace, by the names of kinds. Left out: all. */
  readonly kinds?: readonly string[];
  /** Why hardware's document does not allow it for these two entries; null: it does. Left out: it always does. */
  readonly forbids?: (from: Uint32Array, to: Uint32Array) => string | null;
  /** The new entry keeps this tag. Left out: its own. */
  readonly endsWith?: TagName;
  steps(o: Replaced): readonly ReplaceStep[];
}

export const flush = (tag: TagName): FlushStep => ({ kind: "flush", tag });
export const sync = { kind: "sync" } as const satisfies EntryStep;

export const store = (word: number, words: Uint32Array): EntryStep => ({ kind: "store", word, words });

/** An entry stored word by word of 64 bits, from the first on. @param count words of 64 bits */
export const storeEach = (entry: Uint32Array, from = 0, count = entry.length / 2 - from): readonly EntryStep[] =>
  Array.from({ length: count }, (_, n) => store((from + n) * 2, entry.slice((from + n) * 2, (from + n) * 2 + 2)));

/** The writer of `write_entry`, and what it leaves of the old tag forgotten. */
export const written: Readonly<Sequence> = {
  title: "what the old entry does not use, then the piece that decides, then the rest",
  source: "write_entry.ts",
  steps: ({ format, from, to, widths }) => [...writeEntry(format, from, to, widths).steps, flush("old")],
};
