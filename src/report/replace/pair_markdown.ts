/** The page of one pair: each way with its stores, what the unit may see, and the shortest run to what must not be. */

import { plural } from "../../base/count_words.js";
import type { Replacement } from "../../lab/replace/replacement.js";
import { structures } from "../../lab/replace/structures.js";
import { entryRuled } from "../../sw/iommu/entry/rules.js";
import { plain, written } from "../scenario/markdown.js";
import { type OpenedPair, readWords } from "./lines.js";
import { aloneWords, stepLines, tornWords, verdictWords } from "./words.js";

export function replacementMarkdown(o: OpenedPair): string {
  const { structure, of, pair } = o;
  const kind = (name: string) => `*${plain(name)}* (${plain(of.kinds[name]!.title)})`;
  return written([
    `# ${plain(`${structure}: ${pair.from} replaced by ${pair.to}`)}`,
    "",
    `${capital(plain(structures[structure]))}. From ${kind(pair.from)} to ${kind(pair.to)}; ${readWords(o, of)}.`,
    "",
    ...pair.ways.flatMap((way) => wayLines(o, way)),
  ]);
}

function wayLines({ of, pair }: OpenedPair, way: Replacement): readonly string[] {
  const { title, source, ships } = of.sequences[way.sequence]!;
  const states = `${way.states.toLocaleString("en-US")} states${way.complete ? ", all there are" : ", the search was cut"}`;
  const [torn, alone] = [tornWords(way), aloneWords(way)];
  const does = stepLines(of, of.entry(pair.from, "old"), way.steps);
  return [
    `## ${way.sequence}`,
    "",
    `${capital(plain(title))}. ${plain(source)}${ships === true ? "; ships" : ""}.`,
    "",
    `**${capital(plain(verdictWords(way)))}** (${states}).${alone === null ? "" : ` ${capital(plain(alone))}.`}`,
    "",
    ...(does.length === 0 ? ["Nothing is stored."] : does.map((s, n) => `${n + 1}. ${plain(s)}`)),
    "",
    ...(torn.length === 0
      ? []
      : ["What the unit may take it for besides:", "", ...torn.map((v) => `- ${plain(v)}`), ""]),
    ...way.broken.flatMap(({ rule, steps }) => [
      `✗ ${plain(entryRuled(rule))}: broken in ${plural(steps.length, "step")}`,
      "",
      ...steps.map((s, n) => {
        const seen = Object.entries(s.facts).map(([name, value]) => `; ${name}: ${value}`);
        return `${n + 1}. **${plain(s.actor)}** ${plain(`${s.step}${seen.join("")}`)}`;
      }),
      "",
    ]),
  ];
}

const capital = (words: string) => words[0]!.toUpperCase() + words.slice(1);
