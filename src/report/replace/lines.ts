/** Tables of replacements, and one of them opened, for a terminal. */

import { plural } from "../../base/count_words.js";
import type { ReplacedEntry } from "../../lab/replace/replaced_entry.js";
import type { Replacement } from "../../lab/replace/replacement.js";
import { type StructureName, structures } from "../../lab/replace/structures.js";
import type { Pair, ReplaceTable } from "../../lab/replace/table.js";
import { entryRuled } from "../../sw/iommu/entry/rules.js";
import { table, wrap } from "../text/layout.js";
import { styleFor } from "../text/style.js";
import { aloneWords, cellOf, legend, stepLines, tornWords, verdictWords } from "./words.js";

interface Screen {
  readonly color: boolean;
  readonly width: number;
}

export function replaceTableLines(tables: readonly ReplaceTable[], { color, width }: Screen): string[] {
  const style = styleFor(color);
  return [
    style.bold("What a device in the midst of DMA sees while one domain replaces another"),
    "",
    ...tables.flatMap((t) => {
      const kinds = Object.keys(t.of.kinds);
      const cell = (from: string, to: string) => cellOf(t.pairs.find((p) => p.from === from && p.to === to)!);
      return [
        style.bold(`${t.structure}: ${structures[t.structure]}`),
        ...wrap(hardwareWords(t), width, "  ").map(style.dim),
        ...table(
          [{ title: "from\\to", align: "left" }, ...kinds.map((title) => ({ title, align: "left" }) as const)],
          kinds.map((from) => [from, ...kinds.map((to) => cell(from, to))]),
          width,
        ),
        ...betterLines(t.pairs, width),
        "",
      ];
    }),
    ...legend.flatMap(([sign, words]) => wrap(`${sign.padEnd(3)} ${words}`, width, "  ", " ".repeat(6))),
    ...wrap("one pair opened: dmalab run --replace FROM,TO --vendor NAME", width, "", "  ").map(style.dim),
  ];
}

type Hardware = Pick<ReplaceTable, "fetchBits" | "fetchOrder">;

export const hardwareWords = (t: ReplaceTable): string => `as Linux does it today; ${readWords(t, t.of)}`;

/** How the unit reads, and whether units do so. */
export function readWords({ fetchBits, fetchOrder }: Hardware, of: ReplacedEntry): string {
  const stores = `the processor stores up to ${of.widths.store}`;
  const read = `the unit reads ${fetchBits} bits at once${fetchBits < of.format.about.bitCount ? "" : ", all of the entry"}`;
  if (fetchOrder === "ascending") return `${read}, from the first on, and ${stores}`;
  const breach =
    of.fetchOrder === "any" ? "" : ", the rest before it knows that the entry counts, as its document does not let it";
  return `${read}, in any order${breach}, and ${stores}`;
}

/** Which ways are hitless where what ships is not, or at least not unsafe. */
function betterLines(pairs: readonly Pair[], width: number): string[] {
  const by = new Map<string, string[]>();
  for (const { from, to, ways, shipped, best } of pairs) {
    if (shipped[0]?.verdict === "hitless") continue;
    const gap = shipped[0]?.verdict === "unsafe" ? ways.find((w) => w.verdict === "breaking") : undefined;
    if (best === null && gap === undefined) continue;
    const name =
      best === null
        ? `no more than a gap by ${gap!.sequence}`
        : `hitless by ${best.sequence}${best.onlyAlone ? " *" : ""}`;
    by.set(name, [...(by.get(name) ?? []), `${from}→${to}`]);
  }
  return [...by].flatMap(([name, all]) => wrap(`${name}: ${all.join(", ")}`, width, "  ", "    "));
}

/** One pair, and how the unit reads. */
export interface OpenedPair extends Hardware {
  readonly structure: StructureName;
  readonly of: ReplacedEntry;
  readonly pair: Pair;
}

export function replacementLines({ structure, of, pair, ...hardware }: OpenedPair, { color, width }: Screen): string[] {
  const style = styleFor(color);
  const { from, to, ways } = pair;
  const title = `${of.kinds[from]!.title} → ${of.kinds[to]!.title}`;
  const old = of.entry(from, "old");
  return [
    style.bold(`${structure}, ${from} → ${to}: ${title}`),
    ...wrap(readWords(hardware, of), width, "  ").map(style.dim),
    "",
    ...ways.flatMap((way) => wayLines(of, old, way, { color, width })),
  ];
}

function wayLines(of: ReplacedEntry, old: Uint32Array, way: Replacement, { color, width }: Screen): string[] {
  const style = styleFor(color);
  const { title, source, ships } = of.sequences[way.sequence]!;
  const tone = way.verdict === "hitless" ? style.green : way.verdict === "unsafe" ? style.red : style.yellow;
  const states = `${way.states.toLocaleString("en-US")} states${way.complete ? ", all there are" : ", the search was cut"}`;
  const torn = tornWords(way);
  const alone = aloneWords(way);
  return [
    ...wrap(`${way.sequence}: ${title}`, width, "", "  ").map(style.bold),
    ...wrap(`${source}${ships === true ? "; ships" : ""}`, width, "  ").map(style.dim),
    ...wrap(`${verdictWords(way)} (${states})`, width, "  ", "    ").map(tone),
    ...(alone === null ? [] : wrap(alone, width, "    ", "    ")),
    ...stepLines(of, old, way.steps).flatMap((s, n) => wrap(`${n + 1}. ${s}`, width, "  ", "     ")),
    ...(torn.length === 0 ? [] : ["  What the unit may take it for besides:"]),
    ...torn.flatMap((v) => wrap(`- ${v}`, width, "    ", "      ")),
    ...way.broken.flatMap(({ rule, steps }) => [
      ...wrap(`broken in ${plural(steps.length, "step")}: ${entryRuled(rule)}`, width, "  ", "    "),
      ...steps.flatMap((s) => {
        const seen = Object.entries(s.facts).map(([name, value]) => ` (${name}: ${value})`);
        return wrap(`${s.actor}: ${s.step}${seen.join("")}`, width, "      ", "        ").map(style.dim);
      }),
    ]),
    "",
  ];
}
