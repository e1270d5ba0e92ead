/** What may be replaced by what in which way, on a unit as it is, and what the search of the entry says of each. */

import { frameBytes } from "../../../src/base/frame.js";
import type { Side } from "../../../src/lab/replace/replaced_entry.js";
import { type Replacement, replacement } from "../../../src/lab/replace/replacement.js";
import type { TagName } from "../../../src/sw/iommu/entry/sequences/sequence.js";
import { type Access, type End, endBy } from "./ends.js";
import type { ReplacedUnit } from "./replaced_unit.js";

/** A pair of kinds, and a sequence of stores and flushes. */
export interface Way {
  readonly from: string;
  readonly to: string;
  readonly sequence: string;
}

/** Kinds whose entries the unit can do something with: our reader of tables says so by the unit's own registers. */
function offered({ of }: ReplacedUnit): readonly string[] {
  const isPresent = (e: Uint32Array) => ((e[of.format.present.word]! >>> of.format.present.shift) & 1) === 1;
  return Object.keys(of.kinds).filter((kind) => {
    const entry = of.entry(kind, "old");
    return !isPresent(entry) || "state" in of.found(entry);
  });
}

export function waysOf(replaced: ReplacedUnit): readonly Way[] {
  const kinds = offered(replaced);
  const sequences = Object.entries(replaced.of.sequences);
  return kinds.flatMap((from) =>
    kinds.flatMap((to) =>
      sequences
        .filter(([, { kinds: only }]) => only === undefined || (only.includes(from) && only.includes(to)))
        .map(([sequence]) => ({ from, to, sequence })),
    ),
  );
}

/** Where an access ends: by the entry of either side, and by all that the unit may take the entry for, each once. */
export interface Ends extends Readonly<Record<Side, End>> {
  readonly seen: readonly End[];
}

/** One way, searched in every order. */
export class Explored {
  readonly way: Way;
  readonly table: Replacement;
  readonly #replaced: ReplacedUnit;
  /** Entries that the unit took for something, in any order of stores and reads. */
  readonly #seen: Uint32Array[] = [];
  /** By the page that is asked for, and whether to write: where its first byte leads. */
  readonly #ends = new Map<string, Ends>();

  constructor(replaced: ReplacedUnit, way: Way) {
    this.way = way;
    this.#replaced = replaced;
    const found = (entry: Uint32Array) => {
      this.#seen.push(entry.slice());
      return replaced.of.found(entry);
    };
    this.table = replacement({ ...replaced.of, found }, way);
  }

  /** An entry of one side, or under a tag of neither. */
  tagged(tag: TagName): Uint32Array {
    const { of } = this.#replaced;
    const { from, to } = this.way;
    if (tag === "old") return of.entry(from, "old");
    if (tag === "new") return of.entry(to, "new");
    const [a, b] = [of.retagged(of.entry(from, "old"), tag), of.retagged(of.entry(to, "new"), tag)];
    return this.#replaced.forgetTag(a).length > 0 ? a : b;
  }

  endsOf({ address, write }: Access): Ends {
    const offset = address % frameBytes;
    const page = { address: address - offset, write };
    const key = `${page.address} ${write}`;
    let ends = this.#ends.get(key);
    if (ends === undefined) {
      ends = this.#endsOf(page);
      this.#ends.set(key, ends);
    }
    const within = (end: End) => (end === null ? null : end + offset);
    return { old: within(ends.old), new: within(ends.new), seen: ends.seen.map(within) };
  }

  #endsOf(page: Access): Ends {
    const { from, to } = this.way;
    const by = (entry: Uint32Array) => endBy(this.#replaced, entry, page);
    const { of } = this.#replaced;
    return { old: by(of.entry(from, "old")), new: by(of.entry(to, "new")), seen: [...new Set(this.#seen.map(by))] };
  }
}
