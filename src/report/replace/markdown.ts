/** The page of all replacements. */

import type { Replacement } from "../../lab/replace/replacement.js";
import { structures } from "../../lab/replace/structures.js";
import type { Pair, ReplaceTable } from "../../lab/replace/table.js";
import { entryRuled, entryRules } from "../../sw/iommu/entry/rules.js";
import { rows, written } from "../scenario/markdown.js";
import { hardwareWords } from "./lines.js";
import { cellOf, legend, letterOf, syncsOf, tornWords } from "./words.js";

export function hitlessMarkdown(tables: readonly ReplaceTable[]): string {
  return written([
    "# What a device in the midst of DMA sees while one domain replaces another",
    "",
    "An entry says to which page tables a device is attached. Replacing it takes more than one store, or more than one read, so a",
    "unit may see it in between. Each cell here is a search through every order of the stores of a kernel and the reads of a unit:",
    "what the unit takes the entry for, what it keeps under which tag, and what is left when all is over. `dmalab run",
    "--replace-table` does it again, with other hardware too (`--fetch`, `--fetch-order`, `--without`); `dmalab run --replace ss,fs`",
    "opens one pair: the stores, what is torn, and the shortest run to what must not be.",
    "",
    ...rows(["cell", "what it says"], legend),
    "",
    ...rows(
      ["rule", "what must hold"],
      Object.entries(entryRules).map(([rule, says]) => [rule, says]),
    ),
    "",
    "I5 alone broken is B; I4, or what is left when it is over, is X, and so is I6, unless the entry keeps its tag on purpose. A",
    "unit that stops at a first piece which says that the entry does not count reads no more of it: VT-d 6.5.3.3 asks for no",
    "invalidation when an entry becomes present.",
    "",
    ...tables.flatMap(structureLines),
  ]);
}

function structureLines(t: ReplaceTable): readonly string[] {
  const kinds = Object.keys(t.of.kinds);
  return [
    `## ${structures[t.structure]}`,
    "",
    `${capital(hardwareWords(t))}.`,
    "",
    ...rows(["from\\to", ...kinds], tableRows(t)),
    "",
    ...kinds.map((k) => `- *${k}*: ${t.of.kinds[k]!.title}`),
    "",
    "In each of the ways, by name, what it does and who does it:",
    "",
    ...rows(
      ["way", "what is done", "source", "ships", "hitless", "breaking", "unsafe"],
      Object.entries(t.of.sequences).map(([name, { title, source, ships }]) => {
        const all = t.pairs.flatMap((p) => p.ways.filter((w) => w.sequence === name));
        const count = (verdict: string) => `${all.filter((w) => w.verdict === verdict).length}`;
        return [name, title, source, ships === true ? "yes" : "", count("hitless"), count("breaking"), count("unsafe")];
      }),
    ),
    "",
    ...forbiddenLines(t),
    "What is unsafe, and what the unit may take the entry for then:",
    "",
    ...rows(["pair", "way", "steps to the first", "what breaks", "the unit may see"], unsafeRows(t.pairs)),
    "",
  ];
}

/** One line for each kind: a test asks for them. */
export function tableRows(t: ReplaceTable): readonly (readonly string[])[] {
  const kinds = Object.keys(t.of.kinds);
  return kinds.map((from) => [
    from,
    ...kinds.map((to) => {
      const pair = t.pairs.find((p) => p.from === from && p.to === to)!;
      const cell = cellOf(pair);
      return /[+*]$/.test(cell) ? `${cell} ${pair.best!.sequence}` : cell;
    }),
  ]);
}

/** What hardware's document does not allow, with its reason. */
function forbiddenLines({ pairs }: ReplaceTable): readonly string[] {
  const ways = pairs.flatMap((p) => p.ways.filter((way) => way.forbidden !== null));
  const reasons = [...new Set(ways.map((way) => way.forbidden!))];
  const words = (reason: string) => {
    const of = ways.filter((way) => way.forbidden === reason);
    const names = [...new Set(of.map((way) => way.sequence))].join(", ");
    return `Not allowed, and counted as unsafe (${names}; ${of.length}): ${reason}.`;
  };
  return reasons.flatMap((reason) => [words(reason), ""]);
}

/** Of ways that no kernel ships, the pair of which most breaks: plain copies would fill pages. */
function unsafeRows(pairs: readonly Pair[]): readonly (readonly string[])[] {
  const unsafe = pairs.flatMap((p) => p.ways.filter((way) => way.verdict === "unsafe" && way.forbidden === null));
  const worst = new Map<string, Replacement>();
  for (const way of unsafe) {
    if (way.broken.length > (worst.get(way.sequence)?.broken.length ?? 0)) worst.set(way.sequence, way);
  }
  const ships = new Set(pairs.flatMap((p) => p.shipped));
  return unsafe.filter((way) => ships.has(way) || worst.get(way.sequence) === way).map(unsafeRow);
}

function unsafeRow(way: Replacement): readonly string[] {
  const [first] = way.broken
    .filter((b) => b.rule !== "I5" && b.rule !== "attributes")
    .sort((a, b) => a.steps.length - b.steps.length);
  return [
    `${way.from} → ${way.to}`,
    `${way.sequence} (${syncsOf(way)}${letterOf(way)})`,
    `${first!.steps.length}`,
    way.broken.map(({ rule }) => entryRuled(rule)).join("; "),
    tornWords(way)
      .filter((w) => !w.startsWith("refused"))
      .join("; "),
  ];
}

const capital = (words: string) => words[0]!.toUpperCase() + words.slice(1);
