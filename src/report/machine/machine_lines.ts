/** A run of a described machine for a terminal: what it was, what every DMA was, whether anything is wrong. */
import { isTrouble, type MachineOutcome, type ProgramOutcome } from "../../lab/machine/outcome.js";
import { type Column, table, wrap } from "../terminal/layout.js";
import { type Style, styleFor } from "../terminal/style.js";
import { bytesWords, countWords, hexWords, plural, slotsWords } from "../words/quantity.js";

const violationsShown = 12;
const dmaShown = 12;

export function machineLines(o: MachineOutcome, screen: { readonly color: boolean; readonly width: number }): string[] {
  const style = styleFor(screen.color);
  const { width } = screen;
  return [
    ...headLines(o, style, width),
    "",
    ...engineLines(o, style, width),
    ...mapLines(o, style, width),
    ...dmaLines(o, style, width),
    ...programLines(o, style, width),
    ...poolLines(o, style, width),
    ...xenLines(o, style, width),
    ...troubleLines(o, style, width),
    ...verdictLines(o, style, width),
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
  const lines = o.devices.flatMap((d) => [
    `  ${d.bdf} ${d.driver ?? ""} ${style.cyan(d.engine)}, ${d.maskBits} address bits`.replace("  ,", ","),
    ...wrap(d.because, width, "    ").map(style.dim),
  ]);
  return lines.length === 0 ? [] : [style.bold("Engines"), ...lines, ""];
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
  const why = o.devices.flatMap((d) => [
    ...d.causes.map((c) => `${d.bdf}: ${countWords(c.count)} ${c.words}`),
    ...d.refusals.map((r) => `${d.bdf}: ${countWords(r.count)} refused: ${r.words}`),
  ]);
  return [
    style.bold("Mappings"),
    style.dim(head!),
    ...rows,
    ...why.flatMap((w) => wrap(w, width, "  ", "    ").map(style.dim)),
    "",
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
  return [style.bold("First mappings"), style.dim(head!), ...rows, ""];
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
      ...[nameOf(p), p.device, `${countWords(p.ended)} of ${countWords(p.requests)}`],
      ...[bytesWords(p.bytesWritten), bytesWords(p.bytesRead), countWords(p.failed), countWords(p.wrong.length)],
    ]),
    width,
  );
  const why = o.programs.flatMap((p) =>
    [...p.notes, ...p.wrong, ...p.refusals].slice(0, 5).map((w) => `${nameOf(p)}: ${w}`),
  );
  return [style.bold("Programs"), style.dim(head!), ...rows, ...why.flatMap((w) => wrap(w, width, "  ", "    ")), ""];
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
    "",
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
    "",
  ];
}

function troubleLines(o: MachineOutcome, style: Style, width: number): string[] {
  const lines = o.violations
    .slice(0, violationsShown)
    .flatMap((v) => wrap(`${v.rule} (${v.device}): ${v.detail}`, width, "  ", "    "));
  const left = o.left.map((l) => style.red(`left over: ${countWords(l.count)} × ${l.what} of domain ${l.domain}`));
  const totals = o.violationTotals.map((t) => `${t.rule} ${countWords(t.count)}`).join(", ");
  const log = o.log.slice(0, 5).flatMap((l) => wrap(l, width, "  ", "    "));
  return [
    ...(lines.length === 0 ? [] : [style.red(style.bold(`Broken rules: ${totals}`)), ...lines, ""]),
    ...(left.length === 0 ? [] : [...left, ""]),
    ...(log.length === 0 ? [] : [style.bold("Log"), ...log.map(style.dim), ""]),
  ];
}

function verdictLines(o: MachineOutcome, style: Style, width: number): string[] {
  const told = (words: string, paint: (line: string) => string) => wrap(words, width, "", "  ").map(paint);
  if (!o.idle) return told("The run was cut before its end: nothing is known of what came after.", style.red);
  if (isTrouble(o)) return told("Trouble: see above.", style.red);
  const bytes = o.programs.reduce((sum, p) => sum + p.bytesRead + p.bytesWritten, 0);
  const rules = o.watched ? "no rule was broken" : "the rules of the DMA API were not watched";
  const words = `Every one of ${countWords(bytes)} bytes is what was sent; ${rules}; nothing is left over.`;
  return told(words, style.green);
}
