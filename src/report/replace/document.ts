/** Replacements as a `dmalab.replace-table/1` document. */

import type { ReplacedEntry } from "../../lab/replace/replaced_entry.js";
import type { Replacement } from "../../lab/replace/replacement.js";
import { type StructureName, structures, vendorOf } from "../../lab/replace/structures.js";
import type { Pair } from "../../lab/replace/table.js";
import { entryRuled } from "../../sw/iommu/entry/rules.js";
import type { ReplaceTableDocument } from "../schema/documents.js";
import { stepLines, syncsOf, viewWords } from "./words.js";

export interface ReplaceTold {
  readonly structure: StructureName;
  readonly of: ReplacedEntry;
  readonly fetchBits: number;
  readonly fetchOrder: string;
  readonly pairs: readonly Pair[];
}

export function replaceDocument(tables: readonly ReplaceTold[]): ReplaceTableDocument {
  return {
    schema: "dmalab.replace-table/1",
    structures: tables.map(({ structure, of }) => ({
      ...{ structure, vendor: vendorOf(structure), title: structures[structure], storeBits: of.widths.store },
      kinds: Object.entries(of.kinds).map(([kind, { title }]) => ({ kind, title })),
      methods: Object.entries(of.sequences).map(([method, { title, source, ships }]) => ({
        ...{ method, title, source, ships: ships === true },
      })),
    })),
    rows: tables.flatMap((t) => t.pairs.flatMap((pair) => pair.ways.map((way) => row(t, pair, way)))),
  };
}

function row({ structure, of, fetchBits, fetchOrder }: ReplaceTold, { from, to, best }: Pair, way: Replacement) {
  const { sequence: method, verdict, forbidden, onlyAlone, owesFlush, mixesAttributes, states, complete } = way;
  return {
    ...{ vendor: vendorOf(structure), structure, from, to, method, ships: of.sequences[method]!.ships === true },
    ...{ best: best === way, fetchBits, fetchOrder, syncs: syncsOf(way), verdict, forbidden },
    ...{ onlyAlone, owesFlush, mixesAttributes, states, complete },
    views: [...new Set(way.views.map((v) => `${v.is}: ${viewWords(v)}`))],
    steps: [...stepLines(of, of.entry(way.from, "old"), way.steps)],
    broken: way.broken.map(({ rule, steps }) => ({
      ...{ rule, says: entryRuled(rule) },
      steps: steps.map((s) => ({ actor: s.actor, does: s.step })),
    })),
  };
}
