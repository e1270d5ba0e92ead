/** Scenarios, demonstrated bugs and their lists for a terminal. */

import { plural } from "../../base/count_words.js";
import type { Demonstrated, HistoricBug } from "../../lab/scenario/bugs/registry.js";
import { brokenRules, type Scenario } from "../../lab/scenario/scenario.js";
import type { Grid, Part, Step } from "../../lab/scenario/story.js";
import { type Column, table, wrap } from "../text/layout.js";
import { type Style, styleFor } from "../text/style.js";
import type { Told } from "./told.js";

interface Screen {
  readonly color: boolean;
  readonly width: number;
}

export function scenarioLines(told: Told, { color, width }: Screen): string[] {
  const style = styleFor(color);
  const { scenario, parts, bug } = told;
  const { text, author, date, where } = scenario.quotation;
  const broken = brokenRules(parts);
  const holds = parts.some((p) => p.contrast)
    ? "Every rule holds; contrasts break some, as they must."
    : "Every rule holds.";
  return [
    ...wrap(scenario.title, width).map(style.bold),
    "",
    ...wrap(`“${text}”`, width, "  ").map(style.cyan),
    ...wrap(`${author}, ${date}, ${where}`, width, "    ").map(style.dim),
    "",
    ...wrap(`Machine: ${scenario.machine}.`, width),
    ...wrap(scenario.point, width),
    ...(bug === null ? [] : [style.yellow(`The bug ${bug} is on.`)]),
    "",
    ...parts.flatMap((p) => partLines(p, style, width)),
    ...(broken.length === 0
      ? wrap(holds, width).map(style.green)
      : wrap(`Broken: ${broken.join("; ")}.`, width, "", "  ").map(style.red)),
  ];
}

function partLines(part: Part, style: Style, width: number): string[] {
  const kind = part.contrast ? "Contrast: " : "";
  return [
    ...wrap(`${kind}${part.title}`, width, "", "  ").map(style.bold),
    ...part.steps.flatMap((s, n) => stepLines(s, n + 1, style, width)),
    ...part.verdicts.flatMap((v) => {
      const mark = v.holds ? style.green("✓") : style.red("✗");
      const [first, ...rest] = wrap(`${v.rule} (${v.seen})`, width, "    ");
      return [`  ${mark} ${first!.trimStart()}`, ...rest];
    }),
    "",
  ];
}

function stepLines(step: Step, n: number, style: Style, width: number): string[] {
  const head = wrap(`${n}. ${step.actor}: ${step.does}`, width, "  ", "     ");
  const most = Math.max(0, ...step.facts.map((f) => f.name.length));
  const facts = step.facts.flatMap((f) =>
    wrap(f.value, width, `       ${f.name.padEnd(most)}  `, " ".repeat(most + 9)).map(style.dim),
  );
  return [...head, ...facts, ...(step.grid === null ? [] : gridLines(step.grid, style, width))];
}

function gridLines(grid: Grid, style: Style, width: number): string[] {
  const columns = grid.columns.map((title): Column => ({ title, align: "left" }));
  const [head, ...rows] = table(columns, grid.rows, width - 3);
  return [`     ${grid.title}`, style.dim(`   ${head}`), ...rows.map((r) => `   ${r}`)];
}

/** Over what a rule holds without its bug. */
const coveredWords = ({ orders, states }: Demonstrated["off"]): string => {
  if (states !== null) return `all ${plural(states, "state")} that any order of the same steps leads to`;
  return orders === 1 ? "the same run" : `all ${orders} orders of the same steps`;
};

export function demonstrationLines({ bug, on, off }: Demonstrated, { color, width }: Screen): string[] {
  const style = styleFor(color);
  const steps = (taken: readonly { readonly actor: string; readonly said: string }[]) =>
    taken.flatMap((s, n) => wrap(`${n + 1}. ${s.actor}: ${s.said}`, width, "  ", "     "));
  const held = coveredWords(off);
  return [
    ...wrap(bug.title, width).map(style.bold),
    ...wrap(`${bug.id}, ${bug.year}: ${bug.source}; a switch of ${bug.layer}`, width).map(style.dim),
    ...wrap(`Rule: ${bug.rule}.`, width),
    "",
    ...(on.broken === null
      ? [style.yellow("With the bug: no run was found that breaks the rule.")]
      : [
          ...wrap(
            `With the bug: the shortest run that breaks the rule has ${plural(on.broken.steps.length, "step")}`,
            width,
          ).map(style.bold),
          ...steps(on.broken.steps),
          ...wrap(`✗ ${on.broken.how}`, width, "  ", "    ").map(style.red),
        ]),
    "",
    ...(off.broken === null
      ? [
          ...wrap(`Without it: the rule holds in ${held}${off.complete ? "" : " that were run, not all"}`, width).map(
            style.bold,
          ),
          ...steps(off.first),
        ]
      : wrap(`Without it the rule is broken too: ${off.broken.how}`, width, "", "  ").map(style.red)),
  ];
}

export function runListLines(
  scenarios: readonly Scenario[],
  bugs: readonly HistoricBug[],
  { color, width }: Screen,
): string[] {
  const style = styleFor(color);
  const listed = (title: string, columns: readonly Column[], rows: readonly (readonly string[])[]) => {
    if (rows.length === 0) return [];
    const [head, ...lines] = table(columns, rows, width);
    return [style.bold(title), style.dim(head!), ...lines, ""];
  };
  return [
    ...listed(
      `${plural(scenarios.length, "scenario")}: dmalab run --scenario NAME`,
      [left("name"), left("what it shows"), left("quotes", 1), left("bugs", 2)],
      scenarios.map((s) => [s.id, s.title, `${s.quotation.author}, ${s.quotation.date}`, s.bugs.join(" ")]),
    ),
    ...(bugs.length === 0 ? [] : [style.bold(`${plural(bugs.length, "historic bug")}: dmalab run --bug ID`)]),
    ...bugs.flatMap((b) => [
      ...wrap(`${b.id}, ${b.year}, ${b.layer}: ${b.source}`, width, "  ", "    ").map(style.cyan),
      ...wrap(b.title, width, "    "),
      ...wrap(`rule: ${b.rule}`, width, "    ").map(style.dim),
    ]),
    ...(bugs.length === 0 ? [] : [""]),
  ].slice(0, -1);
}

const left = (title: string, spare?: number): Column => ({
  title,
  align: "left",
  ...(spare !== undefined && { spare }),
});
