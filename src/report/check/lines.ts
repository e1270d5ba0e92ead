/** What `check` found, for a terminal: each machine with what was reached, and the shortest run to what must not be. */
import { plural } from "../../base/count_words.js";
import { hex } from "../../base/hex.js";
import { type CheckedMachine, type CheckedStep, isShown } from "../../lab/check/checked.js";
import { type Column, table, wrap } from "../text/layout.js";
import { type Style, styleFor } from "../text/style.js";
import { boundedWords, type CheckReport, judged } from "./check_report.js";

export function checkLines(
  report: CheckReport,
  { color, width }: { readonly color: boolean; readonly width: number },
): string[] {
  const style = styleFor(color);
  const { protocol, values, machines } = report;
  const universe = Object.entries(values ?? {}).map(([name, value]) => `${name}=${value}`);
  const broken = machines.filter((m) => m.violated !== null);
  return [
    ...wrap(`${protocol.id}: ${protocol.title}`, width).map(style.bold),
    ...(universe.length === 0 ? [] : wrap(`Universe: ${universe.join(",")}`, width, "", "  ").map(style.dim)),
    "",
    ...machineLines(machines, style, width),
    "",
    ...broken.flatMap((m) => storyLines(m, style, width)),
    ...verdictLines(report, style, width),
  ];
}

const columns: readonly Column[] = [
  { title: "machine", align: "left" },
  { title: "reached", align: "right" },
  { title: "steps", align: "right" },
  { title: "found", align: "left" },
];

function machineLines(machines: readonly CheckedMachine[], style: Style, width: number): string[] {
  const rows = machines.map((m) => [
    m.bug === null ? m.name : `${m.name}, on`,
    m.states === null ? `${plural(m.orders ?? 0, "order")}` : plural(m.states, "state"),
    m.transitions.toLocaleString("en-US"),
    found(m),
  ]);
  const [head, ...lines] = table(columns, rows, width);
  return [style.dim(head!), ...lines];
}

function found(m: CheckedMachine): string {
  if (m.violated !== null) return `✗ ${m.violated.invariant}`;
  if (m.bounded !== null) return `? ended after ${boundedWords(m.bounded)}`;
  if (m.unseen.length > 0) return `? never happened: ${m.unseen.join("; ")}`;
  return "✓ all of it, and nothing broken";
}

/** The run, step by step, with what there was to see and what was written. */
function storyLines({ name, bug, violated }: CheckedMachine, style: Style, width: number): string[] {
  const { invariant, steps } = violated!;
  const with_ = bug === null ? "" : ` with ${bug}`;
  const most = Math.max(...steps.map((s) => s.actor.length));
  const digits = String(steps.length).length;
  return [
    ...wrap(`${name}: the shortest run that breaks it${with_} has ${plural(steps.length, "step")}`, width).map(
      style.bold,
    ),
    ...steps.flatMap((s, n) => stepLines(s, n + 1, { most, digits, style, width })),
    ...wrap(`✗ ${invariant}`, width, "  ", "    ").map(style.red),
    "",
  ];
}

interface Laid {
  readonly most: number;
  readonly digits: number;
  readonly style: Style;
  readonly width: number;
}

function stepLines({ actor, step, detail, changes }: CheckedStep, n: number, { most, digits, style, width }: Laid) {
  const lead = `  ${String(n).padStart(digits)}. ${actor.padEnd(most)}  `;
  const under = " ".repeat(Math.min(lead.length, 24));
  return [
    ...wrap(step, width, lead, under),
    ...(detail === "" ? [] : wrap(detail, width, under).map(style.cyan)),
    ...writtenLines(actor, changes).flatMap((line) => wrap(line, width, under, `${under}  `).map(style.dim)),
  ];
}

/** What was written, a line for each part; how far a program is says its step already. */
function writtenLines(actor: string, changes: CheckedStep["changes"]): string[] {
  const byPart = new Map<string, string[]>();
  for (const { part, cell, from, to } of changes) {
    if (part === actor && cell === "position") continue;
    const cells = byPart.get(part) ?? [];
    byPart.set(part, cells);
    cells.push(`${cell} ${number(from)} → ${number(to)}`);
  }
  return [...byPart].map(([part, cells]) => `${part}: ${cells.join(", ")}`);
}

const number = (n: number) => (n > 255 ? hex(n) : String(n));

function verdictLines(report: CheckReport, style: Style, width: number): string[] {
  const { bug, machines } = report;
  const asked = judged(report);
  if (bug !== null) {
    const [on, off] = machines;
    if (on!.violated === null) return wrap(`? With ${bug} nothing was found broken.`, width).map(style.yellow);
    return isShown(off!)
      ? wrap(`✓ Without ${bug} it holds: ${reachedWords([off!])}.`, width, "", "  ").map(style.green)
      : wrap(`? Without ${bug}: ${found(off!)}.`, width, "", "  ").map(style.yellow);
  }
  if (asked.some((m) => m.violated !== null)) return [];
  if (asked.every(isShown)) {
    return wrap(
      `✓ Nothing that must hold is broken: ${reachedWords(asked)}. Shown for ${asked.length === 1 ? "this machine, as small as it is" : "these machines, as small as they are"}.`,
      ...([width, "", "  "] as const),
    ).map(style.green);
  }
  const open = asked.filter((m) => !isShown(m));
  return wrap(
    `? Not shown: ${open.map((m) => `${m.name} ${found(m).replace("? ", "")}`).join("; ")}. Nothing was found broken in what was reached.`,
    ...([width, "", "  "] as const),
  ).map(style.yellow);
}

function reachedWords(machines: readonly CheckedMachine[]): string {
  const sum = (of: (m: CheckedMachine) => number | null) => machines.reduce((all, m) => all + (of(m) ?? 0), 0);
  const [states, orders] = [sum((m) => m.states), sum((m) => m.orders)];
  return [
    ...(states > 0 ? [`all ${plural(states, "state")}`] : []),
    ...(orders > 0 ? [`all ${plural(orders, "order")} of steps`] : []),
  ].join(" and ");
}
