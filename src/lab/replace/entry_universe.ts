/**
 * An entry that is replaced while a unit reads it: every order of stores and of reads, and what is kept of either.
 *
 * The unit reads the entry piece by piece, in any order, keeps it until it is told to forget it, and keeps translations under
 * the tag that the entry names. Whole units, with devices that write through them, are explored by `in_flight`.
 */
import type { Universe } from "../../check/universe.js";
import type { Actor } from "../../sim/actor.js";
import { cell, cells, type Live, MachineState, record } from "../../state/index.js";
import { entryRuled } from "../../sw/iommu/entry/rules.js";
import type { ReplaceStep, TagName } from "../../sw/iommu/entry/sequences/sequence.js";
import { type Meaning, Meanings } from "./meanings.js";
import type { FetchOrder, ReplacedEntry } from "./replaced_entry.js";

export interface EntryReplacement {
  readonly of: ReplacedEntry;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly steps: readonly ReplaceStep[];
  /** What the unit reads of the entry at once, in bits. */
  readonly fetchBits: number;
  readonly fetchOrder: FetchOrder;
}

export const isReplaced = "it is over, and the unit takes the entry for the new one";

const wordsMax = 16;
const tagsMax = 30;
const Entry = record("the entry", { words: cells(wordsMax, "its words, as they stand in memory") });
const Reader = record("the unit", {
  words: cells(wordsMax, "the pieces that it has read"),
  got: cell("which of them: bit n for the nth"),
  kept: cell<0 | 1>("1 = all, and the unit keeps them"),
});
const Translations = record("translations of the unit", {
  by: cells(tagsMax, "by tag: the tables that they were made of, bit n for the nth"),
});

const Processor = record("the processor", { at: cell("steps that it has taken") });

interface Parts {
  readonly o: EntryReplacement;
  readonly meanings: Meanings;
  readonly entry: Live<typeof Entry.drafts>;
  readonly reader: Live<typeof Reader.drafts>;
  readonly processor: Live<typeof Processor.drafts>;
  readonly translations: Live<typeof Translations.drafts>;
}

/** Who replaces the entry. */
class ProcessorActor implements Actor {
  readonly name = "processor";
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get #next(): ReplaceStep | undefined {
    return this.#parts.o.steps[this.#parts.processor.at];
  }

  get isDone(): boolean {
    return this.#next === undefined;
  }

  choices(): number {
    return this.isDone ? 0 : 1;
  }

  label(): string {
    return stepWords(this.#next!);
  }

  step(): void {
    take(this.#parts, this.#next!);
    this.#parts.processor.at++;
  }

  atomic(): string {
    return "a store is seen at once; a read under way that is waited for comes to its end first, or counts for nothing";
  }
}

/** A step as runs are told. */
export function stepWords(step: ReplaceStep): string {
  if (step.kind === "sync") return "have the entry forgotten, and wait";
  if (step.kind === "flush") return `have translations of the ${step.tag} tag forgotten, and wait`;
  const from = step.word * 32;
  return `store bits ${from + step.words.length * 32 - 1}:${from}`;
}

function take(parts: Parts, step: ReplaceStep): void {
  const { entry, reader, translations, meanings, o } = parts;
  if (step.kind === "store") {
    for (const [n, word] of step.words.entries()) entry.words.set(step.word + n, word);
  } else if (step.kind === "sync") {
    forget(reader, o);
  } else {
    const tag = tagOf(o, meanings, step.tag);
    if (tag >= 0) translations.by.set(tag, 0);
  }
}

/** @returns the number of a tag; -1 where entries of it have none */
function tagOf({ of, from, to }: EntryReplacement, meanings: Meanings, tag: TagName): number {
  if (tag === "old") return meanings.old.tag;
  if (tag === "new") return meanings.new.tag;
  const { tag: ofOld } = meanings.of(of.retagged(from, "spare"));
  return ofOld >= 0 ? ofOld : meanings.of(of.retagged(to, "spare")).tag;
}

function forget(reader: Parts["reader"], { from }: EntryReplacement): void {
  reader.got = reader.kept = 0;
  for (let n = 0; n < from.length; n++) if (reader.words.get(n) !== 0) reader.words.set(n, 0);
}

/** The unit: reads a piece, keeps what it has read, makes a translation of it. */
class UnitActor implements Actor {
  readonly name = "unit";
  readonly #parts: Parts;
  readonly #pieceWords: number;
  readonly #pieces: number;
  readonly #words: Uint32Array;
  /** Pieces that nobody changes: when they are read makes no difference, and they are read with the first one. */
  readonly #constant: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { o } = parts;
    this.#pieceWords = Math.min(o.fetchBits / 32, o.from.length);
    this.#pieces = o.from.length / this.#pieceWords;
    this.#words = new Uint32Array(o.from.length);
    const now = o.from.slice();
    let stored = 0;
    for (const step of o.steps) {
      if (step.kind !== "store") continue;
      for (const [n, word] of step.words.entries()) {
        if (now[step.word + n] !== word) stored |= 1 << Math.floor((step.word + n) / this.#pieceWords);
        now[step.word + n] = word;
      }
    }
    // Of the first piece it depends which others are read.
    this.#constant = (2 ** this.#pieces - 1) & ~stored & (o.fetchOrder === "any" && stored !== 0 ? -1 : -2);
  }

  get hasRead(): boolean {
    const { o, reader } = this.#parts;
    if (reader.got === 2 ** this.#pieces - 1) return true;
    return o.fetchOrder === "ascending" && reader.got !== 0 && !this.#counts;
  }

  /** By the piece that says so. */
  get #counts(): boolean {
    const { word, shift } = this.#parts.o.of.format.present;
    return (this.#parts.reader.words.get(word) & (1 << shift)) !== 0;
  }

  /** Of what it has read. */
  get meaning(): Meaning {
    for (let n = 0; n < this.#words.length; n++) this.#words[n] = this.#parts.reader.words.get(n);
    return this.#parts.meanings.of(this.#words);
  }

  choices(): number {
    if (!this.hasRead) return this.#missing().length;
    if (this.#parts.reader.kept === 0) return 1;
    return this.meaning.tag >= 0 ? 1 : 0;
  }

  label(choice: number): string {
    if (!this.hasRead) {
      const piece = this.#missing()[choice]!;
      const bits = this.#pieceWords * 32;
      return this.#pieces === 1 ? "read the entry" : `read bits ${(piece + 1) * bits - 1}:${piece * bits}`;
    }
    return this.#parts.reader.kept === 0 ? "take the entry" : "translate, and keep it";
  }

  step(choice: number): void {
    const { entry, reader, translations, o } = this.#parts;
    if (!this.hasRead) {
      const taken = (1 << this.#missing()[choice]!) | this.#constant;
      for (let n = 0; n < o.from.length; n++) {
        if ((taken & (1 << Math.floor(n / this.#pieceWords))) !== 0) reader.words.set(n, entry.words.get(n));
      }
      reader.got |= taken;
      return;
    }
    const { is, view, tag, tables } = this.meaning;
    if (reader.kept === 1) translations.by.set(tag, translations.by.get(tag) | (1 << tables));
    else if (view.isBlocked && is !== "wrong" && !o.of.keepsInvalid) forget(reader, o);
    else reader.kept = 1;
  }

  atomic(): string {
    return "what a unit keeps is its own";
  }

  #missing(): readonly number[] {
    const all = Array.from({ length: this.#pieces }, (_, n) => n);
    const missing = all.filter((n) => (this.#parts.reader.got & (1 << n)) === 0);
    return this.#parts.o.fetchOrder === "ascending" ? missing.slice(0, 1) : missing;
  }
}

export function entryUniverse(o: EntryReplacement, meanings = new Meanings(o.of, o.from, o.to)): Universe {
  const state = new MachineState({});
  const parts: Parts = {
    ...{ o, meanings },
    entry: state.place(Entry),
    reader: state.place(Reader),
    processor: state.place(Processor),
    translations: state.place(Translations),
  };
  for (const [n, word] of o.from.entries()) parts.entry.words.set(n, word);
  const unit = new UnitActor(parts);
  const kernel = new ProcessorActor(parts);
  const { old, new: target } = meanings;
  const bit = (m: Meaning) => (m.tables < 0 ? 0 : 1 << m.tables);
  const keeps = (m: Meaning) => (m.tag < 0 ? 0 : parts.translations.by.get(m.tag));
  const onlyOf = (m: Meaning) => (keeps(m) & ~bit(m)) === 0;
  /** Under any tag of the domain that this one is of. */
  const domainKeeps = (m: Meaning) =>
    meanings.domains.reduce(
      (all, domain, tag) => (domain === m.view.tag?.domain ? all | parts.translations.by.get(tag) : all),
      0,
    );
  const isKept = old.view.tag !== null && old.view.tag.domain === target.view.tag?.domain;
  /** Where the entry keeps its domain: not of both at once. */
  const isPure = isKept
    ? () => [old, target].some((m) => (domainKeeps(old) & ~bit(m)) === 0)
    : () => [old, target].every((m) => (domainKeeps(m) & ~bit(m)) === 0);
  const allKept = () => meanings.tags.reduce((all, _, tag) => all | parts.translations.by.get(tag), 0);
  const tablesIn = (kept: number) => meanings.tables.filter((_, n) => (kept & (1 << n)) !== 0).join(" and ");
  const keptIsNew = () => parts.reader.kept === 0 || unit.meaning.isNew;
  const isOver = () => kernel.isDone;
  return {
    state,
    actors: [unit, kernel],
    always: {
      [entryRuled("I4")]: () => !unit.hasRead || unit.meaning.is !== "wrong",
      [entryRuled("I5")]: () => !unit.hasRead || unit.meaning.is !== "blocked",
      [entryRuled("attributes")]: () => !unit.hasRead || unit.meaning.is !== "attributes",
      [entryRuled("I6")]: isPure,
      [entryRuled("after")]: () =>
        !isOver() || (onlyOf(target) && keptIsNew() && (allKept() & ~bit(old) & ~bit(target)) === 0),
      [entryRuled("recycled")]: () =>
        !isOver() || old.view.tag?.domain === target.view.tag?.domain || domainKeeps(old) === 0,
    },
    sometimes: { [isReplaced]: () => isOver() && unit.hasRead && unit.meaning.isNew },
    facts: () => ({
      ...(unit.hasRead && { "the unit takes the entry for": unit.meaning.view.words }),
      ...Object.fromEntries(
        meanings.tags.flatMap((tag, n) => {
          const kept = parts.translations.by.get(n);
          return kept === 0 ? [] : [[`kept under ${tag}`, tablesIn(kept)]];
        }),
      ),
    }),
  };
}
