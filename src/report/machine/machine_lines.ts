/** A run of a described machine for a terminal: whether anything is wrong, what it was, what every DMA was. */

import { countWords, plural } from "../../base/count_words.js";
import type { MachineDeviceOutcome, MachineOutcome, ProgramOutcome } from "../../lab/machine/outcome.js";
import type { RefusalGroup } from "../../lab/machine/run/refusal_groups.js";
import { marks } from "../recording/lines/run_lines.js";
import { type Column, table, wrap } from "../text/layout.js";
import { type Style, styleFor } from "../text/style.js";
import { bytesWords, hexWords, slotsWords } from "../words/quantity.js";
import { refusalWords } from "../words/reasons.js";
import { iommuLines } from "./iommu_lines.js";
import { machineVerdict } from "./machine_verdict.js";
import { pageLifetimeLines } from "./page_lifetime_lines.js";

const violationsShown = 12;
const dmaShown = 12;
const refusalsShown = 12;
/** Of one program, of each kind of what there is to say of it. */
const saidShown = 3;

export function machineLines(o: MachineOutcome, screen: { readonly color: boolean; readonly width: number }): string[] {
  const style = styleFor(screen.color);
  const { width } = screen;
  return [
    verdictLines(o, style, width),
    headLines(o, style, width),
    engineLines(o, style, width),
    mapLines(o, style, width),
    refusalLines(o, style, width),
    dmaLines(o, style, width),
    programLines(o, style, width),
    poolLines(o, style, width),
    iommuLines(o, style, width),
    xenLines(o, style, width),
    pageLifetimeLines(o, style, width),
    brokenLines(o, style, width),
    leftLines(o, style),
    withoutEffectLines(o, style, width),
    logLines(o, style, width),
  ]
    .filter((lines) => lines.length > 0)
    .flatMap((lines, n) => (n === 0 ? lines : ["", ...lines]));
}

function verdictLines(o: MachineOutcome, style: Style, width: number): string[] {
  const { tone, headline, held } = machineVerdict(o);
  const [mark, color] = marks[tone];
  return [
    ...wrap(headline, width, `${mark} `, "  ").map((line) => style.bold(style[color](line))),
    ...(held === null ? [] : wrap(held, width, "  ")),
  ];
}

function headLines(o: MachineOutcome, style: Style, width: number): string[] {
  const kernel = o.kernel === null ? "today's kernel" : `Linux ${o.kernel}`;
  const where = o.xen === null ? "without a hypervisor" : `under Xen, memory model ${o.model}`;
  const words = `${kernel} on ${o.arch} ${where}; seed ${o.seed}, ${countWords(o.steps)} steps`;
  return wrap(words, width, "", "  ").map(style.bold);
}

/** Which engine serves which device, and why. */
function engineLines(o: MachineOutcome, style: Style, width: number): string[] {
  const reasons = [...new Set(o.devices.map((d) => d.because))];
  const lines = reasons.flatMap((because) => [
    ...o.devices
      .filter((d) => d.because === because)
      .map(
        (d) =>
          `  ${[d.bdf, d.driver, style.cyan(d.engine)].filter((w) => w !== null).join(" ")}, ${d.maskBits} address bits`,
      ),
    ...wrap(because, width, "    ").map(style.dim),
  ]);
  return lines.length === 0 ? [] : [style.bold("Engines"), ...lines];
}

const mapColumns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "maps", align: "right" },
  { title: "direct", align: "right" },
  { title: "translated", align: "right" },
  { title: "bounced", align: "right" },
  { title: "foreign", align: "right", spare: 1 },
  { title: "failed", align: "right" },
  { title: "bytes", align: "right", spare: 2 },
  { title: "lists split", align: "right", spare: 3 },
  { title: "merged", align: "right", spare: 4 },
];

function mapLines(o: MachineOutcome, style: Style, width: number): string[] {
  const [head, ...rows] = table(
    mapColumns,
    o.devices.map((d) => [
      ...[d.bdf, countWords(d.maps), countWords(d.direct), countWords(d.translated), countWords(d.bounced)],
      ...[countWords(d.foreign), countWords(d.failed), bytesWords(d.bytes), countWords(d.split), countWords(d.merged)],
    ]),
    width,
  );
  if (rows.length === 0) return [];
  const why = o.devices.flatMap((d) => d.causes.map((c) => `${d.bdf}: ${countWords(c.count)} ${c.words}`));
  return [
    style.bold("Mappings"),
    style.dim(head!),
    ...rows,
    ...why.flatMap((w) => wrap(w, width, "  ", "    ").map(style.dim)),
  ];
}

/** Refused mappings by device, reason and class of sizes, each with the first ones. */
function refusalLines(o: MachineOutcome, style: Style, width: number): string[] {
  const groups = o.devices.flatMap((d) => d.refusals.map((g) => ({ d, g }))).sort((a, b) => b.g.count - a.g.count);
  if (groups.length === 0) return [];
  const more = groups.length - refusalsShown;
  return [
    style.bold("Refused"),
    ...groups.slice(0, refusalsShown).flatMap(({ d, g }) => groupLines(d, g, style, width)),
    ...(more > 0 ? [`  and ${plural(more, "group")} more`] : []),
  ];
}

function groupLines(d: MachineDeviceOutcome, g: RefusalGroup, style: Style, width: number): string[] {
  const { title, meaning } = refusalWords[g.reason];
  const what = g.list ? plural(g.count, "refused list") : plural(g.count, "mapping");
  const least = g.sizeLeast === g.sizeMost ? "" : `${bytesWords(g.sizeLeast)} to `;
  const head = `${title}: ${what} of ${d.bdf}${d.driver === null ? "" : ` (${d.driver})`}, ${least}${bytesWords(g.sizeMost)}`;
  const more = g.count - g.examples.length;
  return [
    ...wrap(head, width, "  ", "    ").map(style.red),
    ...wrap(meaning, width, "    ").map(style.dim),
    ...g.examples.flatMap((e) =>
      wrap(
        `mapping ${countWords(e.map)}, ${bytesWords(e.size)} at ${hexWords(e.phys)}: ${e.words}`,
        width,
        "    ",
        "      ",
      ),
    ),
    ...(more > 0 ? [style.dim(`    and ${countWords(more)} more`)] : []),
  ];
}

const dmaColumns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "direction", align: "left", spare: 2 },
  { title: "physical", align: "right" },
  { title: "bytes", align: "right" },
  { title: "bus", align: "right" },
  { title: "why", align: "left" },
];

/** The first mappings, one a line; the JSON document has more of them. */
function dmaLines(o: MachineOutcome, style: Style, width: number): string[] {
  if (o.dma.length === 0) return [];
  const first = o.devices.flatMap((d) => {
    const each = Math.max(3, Math.floor(dmaShown / o.devices.length));
    return o.dma.filter((e) => e.device === d.bdf).slice(0, each);
  });
  const [head, ...rows] = table(
    dmaColumns,
    first.map((e) => [
      ...[e.device, e.direction, hexWords(e.phys)!, countWords(e.size), hexWords(e.bus) ?? "–"],
      `${e.cause}${e.foreign ? ", foreign" : ""}${e.refused === null ? "" : `: ${e.refused}`}`,
    ]),
    width,
  );
  return [style.bold("First mappings"), style.dim(head!), ...rows];
}

const programColumns: readonly Column[] = [
  { title: "program", align: "left" },
  { title: "device", align: "left" },
  { title: "requests", align: "right" },
  { title: "written", align: "right" },
  { title: "read", align: "right" },
  { title: "failed", align: "right" },
  { title: "wrong bytes", align: "right" },
];

function programLines(o: MachineOutcome, style: Style, width: number): string[] {
  if (o.programs.length === 0) return [];
  const [head, ...rows] = table(
    programColumns,
    o.programs.map((p) => [
      ...[nameOf(p), p.device ?? "–", `${countWords(p.ended)} of ${countWords(p.requests)}`],
      ...[bytesWords(p.bytesWritten), bytesWords(p.bytesRead), countWords(p.failed), countWords(p.wrong.length)],
    ]),
    width,
  );
  const why = o.programs.flatMap((p) => [
    ...p.notes.map((w) => `${nameOf(p)}: ${w}`),
    ...firstOf(p.wrong).map((w) => `${nameOf(p)}: ${w}`),
    ...firstOf(p.refusals).map((w) => `${nameOf(p)}: ${w}`),
  ]);
  return [
    style.bold("Programs"),
    style.dim(head!),
    ...rows,
    ...[...new Set(why)].flatMap((w) => wrap(w, width, "  ", "    ")),
  ];
}

function firstOf(said: readonly string[]): string[] {
  const more = said.length - saidShown;
  return [...said.slice(0, saidShown), ...(more > 0 ? [`and ${countWords(more)} more`] : [])];
}

const nameOf = (p: ProgramOutcome): string => (p.from === null ? p.program : `${p.program} for domain ${p.from}`);

function poolLines({ pool }: MachineOutcome, style: Style, width: number): string[] {
  if (pool === null) return [];
  const forced = pool.forced ? ", all mappings forced through it" : "";
  const what = `${plural(pool.slots, "slot")} (${slotsWords(pool.slots)}) in ${plural(pool.areas, "area")}`;
  return [
    style.bold("Bounce pool"),
    ...wrap(`${what} at ${hexWords(pool.base)}${forced}`, width, "  ", "    "),
    `  at most ${countWords(pool.hiwater)} in use at once, ${countWords(pool.used)} at the end`,
  ];
}

function xenLines({ xen, domains }: MachineOutcome, style: Style, width: number): string[] {
  if (xen === null) return [];
  const calls = Object.entries(xen.hypercalls).map(([name, n]) => `${name} ${countWords(n)}`);
  return [
    style.bold("Hypervisor"),
    ...wrap(domains.map((d) => `domain ${d.id}: ${bytesWords(d.bytes)}`).join(", "), width, "  "),
    ...wrap(`hypercalls: ${calls.join(", ") || "none"}`, width, "  ", "    "),
    `  ${countWords(xen.accessesChecked)} accesses held against the owners of frames`,
  ];
}

function brokenLines(o: MachineOutcome, style: Style, width: number): string[] {
  if (o.violations.length === 0) return [];
  const totals = o.violationTotals.map((t) => `${t.rule} ${countWords(t.count)}`).join(", ");
  return [
    style.red(style.bold(`Broken rules: ${totals}`)),
    ...o.violations
      .slice(0, violationsShown)
      .flatMap((v) => wrap(`${v.rule} (${v.device}): ${v.detail}`, width, "  ", "    ")),
  ];
}

const leftLines = (o: MachineOutcome, style: Style): string[] =>
  o.left.map((l) => style.red(`left over: ${countWords(l.count)} × ${l.what} of domain ${l.domain}`));

function withoutEffectLines({ withoutEffect }: MachineOutcome, style: Style, width: number): string[] {
  if (withoutEffect.length === 0) return [];
  return [style.bold("Without effect here"), ...withoutEffect.flatMap((l) => wrap(l, width, "  ", "    "))];
}

function logLines(o: MachineOutcome, style: Style, width: number): string[] {
  if (o.log.length === 0) return [];
  return [style.bold("Log"), ...o.log.slice(0, 5).flatMap((l) => wrap(l, width, "  ", "    ").map(style.dim))];
}
