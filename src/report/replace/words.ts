/** Replacements in words, as every form of a report gives them. */

import { hex } from "../../base/hex.js";
import { read } from "../../bits/field.js";
import type { About } from "../../bits/layout.js";
import type { Meaning } from "../../lab/replace/meanings.js";
import type { ReplacedEntry } from "../../lab/replace/replaced_entry.js";
import type { Replacement } from "../../lab/replace/replacement.js";
import type { Pair } from "../../lab/replace/table.js";
import type { ReplaceStep } from "../../sw/iommu/entry/sequences/sequence.js";

export const syncsOf = ({ steps }: Pick<Replacement, "steps">): number => steps.filter((s) => s.kind === "sync").length;

const letters = { hitless: "H", breaking: "B", unsafe: "X" } as const;
/** H, B or X; ? where the search was cut before it found anything. */
export const letterOf = ({ verdict, complete, broken }: Replacement): string =>
  complete || broken.length > 0 ? letters[verdict] : "?";

/** The number of waits, the letter, and whether another way does better. */
export function cellOf({ from, to, ways, shipped, best }: Pair): string {
  const own = shipped[0] ?? ways[0]!;
  if (from === to && own.steps.every((s) => s.kind === "flush")) return "-";
  const better = own.verdict === "hitless" ? "" : best === null ? gapOnly(own, ways) : best.onlyAlone ? "*" : "+";
  return `${syncsOf(own)}${letterOf(own)}${own.mixesAttributes ? "~" : ""}${better}`;
}

/** Where what ships is unsafe and nothing is hitless: is a gap all that another way makes? */
const gapOnly = (own: Replacement, ways: readonly Replacement[]): string =>
  own.verdict === "unsafe" && ways.some((w) => w.verdict === "breaking") ? "°" : "";

export const legend = [
  ["2H", "two waits; no request is refused, and each sees the old entry or the new one"],
  ["1B", "a gap in which requests are refused"],
  ["1X", "requests may see what is neither the old entry, nor the new one, nor refused"],
  ["~", "a request may have attributes of one entry and tables of the other"],
  ["+", "another way is hitless"],
  ["*", "another way is, where no other device has the tag"],
  ["°", "another way makes no more than a gap"],
  ["-", "nothing changes"],
] as const;

export const verdictWords = (r: Replacement): string => {
  if (!r.complete && r.broken.length === 0) return "nothing found, and the search was cut: not shown";
  const alone = r.onlyAlone ? ", where no other device has the tag" : "";
  const mixes = r.mixesAttributes ? "; attributes of both may meet" : "";
  const owes = r.owesFlush ? "; the old tag must be flushed before it serves again" : "";
  if (r.verdict === "hitless") return `hitless${alone}${mixes}${owes}`;
  if (r.verdict === "breaking") return `breaking: there is a gap in which requests are refused${mixes}${owes}`;
  if (r.forbidden !== null) return `not allowed: ${r.forbidden}`;
  return `unsafe${owes}`;
};

/** What a unit may take the entry for that is neither the old nor the new one, in words, each once. */
export const tornWords = ({ views }: Replacement): readonly string[] => [
  ...new Set(views.filter((v) => v.is !== "old" && v.is !== "new").map(viewWords)),
];

export const viewWords = ({ view, mixed, is }: Meaning): string => {
  const fields = mixed === null ? "" : ` (the ${mixed.of} entry but for ${mixed.but.join(", ")})`;
  return is === "blocked" ? `refused: ${view.words}` : `${view.words}${fields}`;
};

/** Why a tag that is kept is no other device's. */
export function aloneWords({ onlyAlone, views }: Replacement): string | null {
  const of = (is: string) => views.find((v) => v.is === is)?.view;
  const [old, wanted] = [of("old"), of("new")];
  if (!onlyAlone || old === undefined || wanted === undefined) return null;
  return `${old.tag!.domain} would come to name both ${old.leads} and ${wanted.leads}: were another device under it, what is kept for the one would be found for the other, and forgotten with it`;
}

/** The steps of a way, each store with the fields that it changes; those that change nothing are told together. */
export function stepLines(of: ReplacedEntry, from: Uint32Array, steps: readonly ReplaceStep[]): readonly string[] {
  const now = from.slice();
  const lines: string[] = [];
  let idle: { readonly from: number; to: number } | null = null;
  const settle = () => {
    if (idle !== null) lines.push(`store bits ${idle.to - 1}:${idle.from}, which changes nothing`);
    idle = null;
  };
  for (const step of steps) {
    if (step.kind !== "store") {
      settle();
      lines.push(
        step.kind === "sync"
          ? "wait until the unit has forgotten the entry, and nobody reads it"
          : `flush translations under the ${step.tag} tag`,
      );
      continue;
    }
    const before = now.slice();
    now.set(step.words, step.word);
    const [first, end] = [step.word * 32, (step.word + step.words.length) * 32];
    const changed = changedFields(of.format.about, before, now);
    if (changed.length === 0) {
      if (idle !== null && idle.to === first) idle.to = end;
      else {
        settle();
        idle = { from: first, to: end };
      }
      continue;
    }
    settle();
    lines.push(`store bits ${end - 1}:${first}: ${changed.join(", ")}`);
  }
  settle();
  return lines;
}

function changedFields({ fields }: About, before: Uint32Array, now: Uint32Array): readonly string[] {
  return fields
    .filter((f) => read(before, 0, f) !== read(now, 0, f))
    .map((f) => `${f.name} ${hex(read(before, 0, f))} → ${hex(read(now, 0, f))}`);
}
