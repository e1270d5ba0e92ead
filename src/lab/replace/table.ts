/** All pairs of what an entry may say, each replaced in the way that kernels do and in the ways that there are. */

import type { ReplacedEntry } from "./replaced_entry.js";
import { type Asked, type Replacement, replacement } from "./replacement.js";
import type { StructureName } from "./structures.js";

/** What may be asked for besides a pair. */
export type Hardware = Pick<Asked, "fetchBits" | "fetchOrder">;

export interface Pair {
  readonly from: string;
  readonly to: string;
  /** In each of the ways that know this pair, in the order of the entry's sequences. */
  readonly ways: readonly Replacement[];
  /** As the kernels of today do it. */
  readonly shipped: readonly Replacement[];
  /** The one that is hitless without a condition, else with one; null: none is. */
  readonly best: Replacement | null;
}

export interface ReplaceTable {
  readonly structure: StructureName;
  readonly of: ReplacedEntry;
  readonly fetchBits: number;
  readonly fetchOrder: string;
  readonly pairs: readonly Pair[];
}

/** @throws Error when the entry has no such kind: names are checked where they are asked for */
export function pairOf(of: ReplacedEntry, from: string, to: string, hardware: Hardware = {}): Pair {
  const names = Object.keys(of.sequences).filter((name) => {
    const { kinds } = of.sequences[name]!;
    return kinds === undefined || (kinds.includes(from) && kinds.includes(to));
  });
  const ways = names.map((sequence) => replacement(of, { from, to, sequence, ...hardware }));
  const hitless = ways.filter((w) => w.verdict === "hitless");
  return {
    ...{ from, to, ways },
    shipped: ways.filter((w) => of.sequences[w.sequence]!.ships === true),
    best: hitless.find((w) => !w.onlyAlone && !w.owesFlush) ?? hitless.find((w) => !w.onlyAlone) ?? hitless[0] ?? null,
  };
}

/** @param progress told of each pair, before it is searched; it ends the search by throwing */
export function replaceTable(
  structure: StructureName,
  of: ReplacedEntry,
  hardware: Hardware = {},
  progress?: (done: number, all: number) => void,
): ReplaceTable {
  const kinds = Object.keys(of.kinds);
  const all = kinds.flatMap((from) => kinds.map((to) => [from, to] as const));
  const pairs = all.map(([from, to], n) => {
    progress?.(n, all.length);
    return pairOf(of, from, to, hardware);
  });
  const { fetch } = of.widths;
  return {
    ...{ structure, of, pairs },
    fetchBits: Math.min(hardware.fetchBits ?? fetch, of.format.about.bitCount),
    fetchOrder: hardware.fetchOrder ?? of.fetchOrder,
  };
}
