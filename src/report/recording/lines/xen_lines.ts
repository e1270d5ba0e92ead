/** The Xen part of a run, as lines for people. */
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import { wrap } from "../../text/layout.js";
import type { Style } from "../../text/style.js";
import { xenWords } from "../words/xen.js";

const nameWidth = 13;

export function xenLines(outcome: ReplayOutcome, style: Style, width: number): string[] {
  const xen = xenWords(outcome);
  if (xen === null) return [];
  const indent = " ".repeat(nameWidth + 2);
  return [
    style.bold("Xen: the domain's pages on the machine"),
    ...xen.facts.flatMap(({ name, words }) => wrap(words, width, `  ${name.padEnd(nameWidth)}`, indent)),
    ...xen.notes.flatMap((words) => wrap(words, width, `  ${"note".padEnd(nameWidth)}`, indent)).map(style.yellow),
    ...xen.lists.flatMap(({ title, meaning, lines }) => [
      `  ${title}`,
      ...(meaning === "" ? [] : wrap(meaning, width, "    ").map(style.dim)),
      ...lines.flatMap((line) => wrap(line, width, "    ", " ".repeat(6))),
    ]),
  ];
}
