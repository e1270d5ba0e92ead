/** What the words that a unit may read come to: the old entry, the new one, nothing, or what must never be. */
import { assert } from "../../base/assert.js";
import { harmlessBits, usedBits } from "../../sw/iommu/entry/entry_format.js";
import type { ReplacedEntry } from "./replaced_entry.js";
import { type View, viewOf } from "./view.js";

/**
 * The old entry; the new one; nothing passes; where one of the two leads, with attributes of the other (shareability, a TLB of
 * the device's own); anything else.
 */
export const classes = ["old", "new", "blocked", "attributes", "wrong"] as const;
export type Class = (typeof classes)[number];

export interface Mixed {
  readonly of: "old" | "new";
  readonly but: readonly string[];
}

export interface Meaning {
  readonly view: View;
  readonly is: Class;
  /** It is as good as the new one, whatever else it is as good as. */
  readonly isNew: boolean;
  /** Of what is neither: the entry that it is nearest to, and the fields that the unit uses and that differ. */
  readonly mixed: Mixed | null;
  /** Number of its tag; -1: no translations are kept. */
  readonly tag: number;
  /** Number of where it leads; -1: nowhere. */
  readonly tables: number;
}

/** The same in every run of one replacement, so that runs can be compared. */
export class Meanings {
  /** Where entries lead, by number. */
  readonly tables: string[] = [];
  readonly tags: string[] = [];
  /** Of each tag, the domain that software gave it to. */
  readonly domains: string[] = [];
  readonly old: Meaning;
  readonly new: Meaning;
  readonly #entry: ReplacedEntry;
  readonly #allowed: readonly { readonly words: Uint32Array; readonly is: Class }[];
  readonly #harmless: Uint32Array;
  readonly #known = new Map<string, Meaning>();

  constructor(entry: ReplacedEntry, from: Uint32Array, to: Uint32Array) {
    this.#entry = entry;
    this.#harmless = harmlessBits(entry.format, from, to);
    this.#allowed = [
      { words: from, is: "old" },
      { words: to, is: "new" },
      { words: entry.retagged(from, "spare"), is: "old" },
      { words: entry.retagged(to, "spare"), is: "new" },
    ];
    this.old = this.of(from);
    this.new = this.of(to);
  }

  /** All that units have read in any run, each once. */
  get seen(): readonly Meaning[] {
    return [...this.#known.values()];
  }

  of(words: Uint32Array): Meaning {
    const key = words.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { found, tagOf } = this.#entry;
    const view = viewOf(found(words), tagOf);
    const tables = view.isBlocked ? -1 : numberOf(this.tables, view.leads);
    const tag = view.tag === null ? -1 : numberOf(this.tags, view.tag.all);
    if (view.tag !== null) this.domains[tag] = view.tag.domain;
    const all = this.#classesOf(words);
    const is = all[0] ?? this.#otherwise(view);
    const isMixed = is === "wrong" || is === "attributes";
    const meaning = {
      view,
      is,
      isNew: all.includes("new"),
      mixed: isMixed ? this.#mixedIn(words) : null,
      tag,
      tables,
    };
    this.#known.set(key, meaning);
    return meaning;
  }

  #otherwise(view: View): Class {
    if (view.isBlocked) return "blocked";
    const leadsAs = (m: Meaning | undefined) =>
      m !== undefined && m.view.leads === view.leads && m.view.tag?.all === view.tag?.all && !m.view.isBlocked;
    const mayKeep = !view.ats || [this.old, this.new].some((m) => m?.view.ats === true);
    return mayKeep && [this.old, this.new].some(leadsAs) ? "attributes" : "wrong";
  }

  #mixedIn(words: Uint32Array): Mixed {
    const { format } = this.#entry;
    const used = usedBits(format, words);
    const differing = (of: Uint32Array) =>
      format.about.fields.filter((f) => {
        const differs = (n: number, mask: number) => ((words[n]! ^ of[n]!) & used[n]! & mask) !== 0;
        const high = f.scale === 0 ? 0 : f.mask;
        const low = f.scale === 0 ? f.mask << f.shift : -1 << f.shift;
        return differs(f.word, low) || (high !== 0 && differs(f.word + 1, high));
      });
    const [a, b] = [differing(this.#allowed[0]!.words), differing(this.#allowed[1]!.words)];
    const names = (fields: typeof a) => fields.map((f) => f.name);
    return a.length < b.length ? { of: "old", but: names(a) } : { of: "new", but: names(b) };
  }

  /** An entry is as good as another where all bits that it uses are the other's, but for harmless ones. */
  #classesOf(words: Uint32Array): readonly Class[] {
    const used = usedBits(this.#entry.format, words);
    const isAs = (allowed: Uint32Array) =>
      words.every((word, n) => ((word ^ allowed[n]!) & used[n]! & ~this.#harmless[n]!) === 0);
    return this.#allowed.filter((a) => isAs(a.words)).map(({ is }) => is);
  }
}

function numberOf(list: string[], what: string): number {
  const at = list.indexOf(what);
  if (at >= 0) return at;
  assert(list.length < 30, "few tables and few tags");
  return list.push(what) - 1;
}
