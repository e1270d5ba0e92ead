/** Scenarios and bugs as Markdown pages. */
import type { Demonstrated } from "../../lab/scenario/bugs/registry.js";
import type { Scenario } from "../../lab/scenario/scenario.js";
import type { Part } from "../../lab/scenario/story.js";
import type { Told } from "./told.js";

/** A cell or a line: nothing in it ends the cell or begins markup. */
export const plain = (text: string): string => text.replace(/[\\`*_[\]<>|]/g, "\\$&").replace(/\n/g, " ");

/** A table. */
export const rows = (columns: readonly string[], lines: readonly (readonly string[])[]): string[] => [
  `| ${columns.map(plain).join(" | ")} |`,
  `|${columns.map(() => " --- |").join("")}`,
  ...lines.map((cells) => `| ${cells.map(plain).join(" | ")} |`),
];

export function scenarioMarkdown({ scenario, parts }: Told): string {
  const { text, author, date, where } = scenario.quotation;
  const bugs = scenario.bugs.map((b) => `\`dmalab run --scenario ${scenario.id} --bug ${b}\``);
  return written([
    `# ${plain(scenario.title)}`,
    "",
    `> ${plain(text)}`,
    ">",
    `> — ${plain(`${author}, ${date}, ${where}`)}`,
    "",
    `**Machine:** ${plain(scenario.machine)}.`,
    "",
    plain(scenario.point),
    "",
    "```mermaid",
    scenario.picture(parts),
    "```",
    "",
    `Run it: \`dmalab run --scenario ${scenario.id}\`${bugs.length === 0 ? "" : `; with a bug on: ${bugs.join(", ")}`}`,
    "",
    ...parts.flatMap(partMarkdown),
  ]);
}

function partMarkdown(part: Part): string[] {
  return [
    `## ${part.contrast ? "Contrast: " : ""}${plain(part.title)}`,
    "",
    ...part.steps.flatMap((s, n) => [
      `${n + 1}. **${plain(s.actor)}** ${plain(s.does)}`,
      ...s.facts.map((f) => `    - ${plain(f.name)}: ${plain(f.value)}`),
      ...(s.grid === null ? [] : ["", ...rows(s.grid.columns, s.grid.rows).map((r) => `    ${r}`), ""]),
    ]),
    "",
    ...rows(
      ["rule", "holds", "seen"],
      part.verdicts.map((v) => [v.rule, v.holds ? "✓" : "✗", v.seen]),
    ),
    "",
  ];
}

export function scenariosMarkdown(scenarios: readonly Scenario[]): string {
  return written([
    "# Scenarios",
    "",
    "Sentences of four public discussions, and of what came of them, each as something to run. Every address, byte and table",
    "entry on these pages was computed by the run; `dmalab run --scenario NAME --markdown` writes a page.",
    "",
    "| scenario | what it shows | who said it |",
    "| --- | --- | --- |",
    ...scenarios.map(
      (s) => `| [${s.id}](${s.id}.md) | ${plain(s.title)} | ${plain(`${s.quotation.author}, ${s.quotation.date}`)} |`,
    ),
    "",
    "[Historic bugs](bugs.md), each a switch with the shortest run that shows it. [Policies](../page-lifetime.md) for a page that a",
    "device can still reach, side by side.",
  ]);
}

export function bugsMarkdown(all: readonly Demonstrated[]): string {
  return written([
    "# Historic bugs",
    "",
    `${all.length} bugs, each a switch: on, a rule is broken in the run below, the shortest there is; off, the rule holds in every`,
    "order of the same steps. `dmalab run --bug ID` runs both.",
    "",
    "| bug | year | what went wrong | source |",
    "| --- | --- | --- | --- |",
    ...all.map(({ bug }) => `| [${bug.id}](#${bug.id}) | ${bug.year} | ${plain(bug.title)} | ${plain(bug.source)} |`),
    "",
    ...all.flatMap(({ bug, on, off }) => [
      `## ${bug.id}`,
      "",
      `${plain(bug.title[0]!.toUpperCase() + bug.title.slice(1))}. ${plain(bug.source)}, ${bug.year}; a switch of \`${bug.layer}\`.`,
      "",
      `**Rule:** ${plain(bug.rule)}.`,
      "",
      ...(on.broken === null
        ? ["No run was found that breaks it."]
        : on.broken.steps.map((s, n) => `${n + 1}. **${plain(s.actor)}** ${plain(s.said)}`)),
      "",
      ...(on.broken === null ? [] : [`✗ ${plain(on.broken.how)}`, ""]),
      `Without it (${off.states !== null ? `all ${off.states} states` : off.orders === 1 ? "one order" : `${off.orders} orders`}): ${off.broken === null ? `✓ ${plain(off.first.at(-1)?.said ?? "")}` : `✗ ${plain(off.broken.how)}`}`,
      "",
    ]),
  ]);
}

/** A page of lines, with no two empty ones together. */
export const written = (lines: readonly string[]): string =>
  `${lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()}\n`;
