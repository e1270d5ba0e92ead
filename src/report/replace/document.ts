/** Replacements as a `dmalab.replace/1` document. */

import { entryRuled } from "../../lab/replace/entry_universe.js";
import type { ReplacedEntry } from "../../lab/replace/replaced_entry.js";
import type { Replacement } from "../../lab/replace/replacement.js";
import type { StructureName } from "../../lab/replace/structures.js";
import type { Pair } from "../../lab/replace/table.js";
import type { ReplaceDocument } from "../schema/documents.js";
import { stepLines, syncsOf, viewWords } from "./words.js";

export interface ReplaceTold {
  readonly structure: StructureName;
  readonly of: ReplacedEntry;
  readonly fetchBits: number;
  readonly fetchOrder: string;
  readonly pairs: readonly Pair[];
}

export function replaceDocument(tables: readonly ReplaceTold[]): ReplaceDocument {
  return {
    schema: "dmalab.replace/1",
    structures: tables.map(({ structure, of, fetchBits, fetchOrder, pairs }) => ({
      structure,
      fetchBits,
      fetchOrder,
      storeBits: of.widths.store,
      kinds: Object.entries(of.kinds).map(([kind, { title }]) => ({ kind, title })),
      sequences: Object.entries(of.sequences).map(([sequence, { title, source, ships }]) => ({
        ...{ sequence, title, source, ships: ships === true },
      })),
      pairs: pairs.map(({ from, to, ways, best }) => ({
        ...{ from, to, best: best?.sequence ?? null },
        ways: ways.map((way) => wayDocument(of, way)),
      })),
    })),
  };
}

function wayDocument(of: ReplacedEntry, way: Replacement) {
  const { sequence, verdict, onlyAlone, owesFlush, mixesAttributes, states, complete } = way;
  return {
    ...{ sequence, verdict, onlyAlone, owesFlush, mixesAttributes, states, complete, syncs: syncsOf(way) },
    steps: [...stepLines(of, of.entry(way.from, "old"), way.steps)],
    views: way.views.map((v) => ({ is: v.is, words: viewWords(v) })),
    broken: way.broken.map(({ rule, steps }) => ({
      ...{ rule, says: entryRuled(rule) },
      steps: steps.map((s) => ({ actor: s.actor, does: s.step })),
    })),
  };
}
