/** A run as lines for people: the verdict first, the advice last. */

import { countWords, plural } from "../../../base/count_words.js";
import { type Column, table, widthMin, wrap } from "../../text/layout.js";
import { failureMarks, sparkLine } from "../../text/spark.js";
import { harmless, type Style, styleFor } from "../../text/style.js";
import { type FailureGroup, groupFailures } from "../../words/groups.js";
import { bytesWords, hexWords, shareWords, slotsWords, timeWords } from "../../words/quantity.js";
import { reasonWords } from "../../words/reasons.js";
import type { RunReport } from "../run_report.js";
import { wholeAdvice } from "../unmap_policy.js";
import { machineFacts } from "../words/machine.js";
import { triesWords, unknownWords } from "../words/tries.js";
import { type Tone, verdictOf } from "../words/verdict.js";
import { whatIfWords } from "../words/what_if.js";
import { auditSections } from "./audit_lines.js";
import { deviceLines } from "./device_lines.js";
import { requestLines } from "./request_lines.js";
import { xenLines } from "./xen_lines.js";

/** How many of each kind are shown in words; the rest is counted, and `--json` has all of them. */
const firstFailures = 3;
const firstMismatches = 10;
const firstGroups = 12;

/**
 * @param width columns of the terminal; lines are no longer, unless a single word is.
 * @returns lines without line ends. Without colour they are plain text and the same everywhere.
 */
export function runLines(report: RunReport, options: { color: boolean; width: number }): string[] {
  const style = styleFor(options.color);
  const width = Math.max(widthMin, options.width);
  const sections = [
    verdictLines(report, style, width),
    machineLines(report, style, width),
    requestLines(report.outcome, style, width),
    deviceLines(report, style, width),
    xenLines(report.outcome, style, width),
    occupancyLines(report, style, width),
    failureLines(report, style, width),
    unknownLines(report, style, width),
    ...auditSections(report, style, width),
    mismatchLines(report, style, width),
    whatIfLines(report, style, width),
    adviceLines(report, style, width),
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ["", ...lines]));
}

export const marks: Readonly<Record<Tone, readonly [mark: string, color: keyof Style]>> = {
  fine: ["✓", "green"],
  trouble: ["✗", "red"],
  unknown: ["?", "yellow"],
};

function verdictLines(report: RunReport, style: Style, width: number): string[] {
  const verdict = verdictOf(report);
  const [mark, color] = marks[verdict.tone];
  const { exact } = report.outcome;
  const exactColor = exact.compared > 0 && exact.equal < exact.compared ? style.yellow : (text: string) => text;
  return [
    ...wrap(verdict.headline, width, `${mark} `, "  ").map((line) => style.bold(style[color](line))),
    ...wrap(verdict.exact, width, "  ").map(exactColor),
    ...(verdict.occupancy === null ? [] : wrap(verdict.occupancy, width, "  ")),
  ];
}

function machineLines({ outcome }: RunReport, style: Style, width: number): string[] {
  const facts = machineFacts(outcome);
  const lines = facts.flatMap(({ name, words, inferred }) =>
    wrap(`${words}${inferred ? " (inferred)" : ""}`, width, `  ${name.padEnd(12)}`, " ".repeat(14)),
  );
  const evidence = outcome.machine.evidence.flatMap((words) =>
    wrap(words, width, "  from ".padEnd(14), " ".repeat(14)),
  );
  const warnings = outcome.source.warnings.flatMap(({ where, what }) =>
    wrap(`${where === "" ? "" : `${where}: `}${what}`, width, "  warning ".padEnd(14), " ".repeat(14)),
  );
  return [style.bold("Machine"), ...lines, ...evidence.map(style.dim), ...warnings.map(style.yellow)];
}

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string, spare?: number): Column => ({
  title,
  align: "right",
  ...(spare === undefined ? {} : { spare }),
});

/** A pool of which less than this share was ever used is drawn to the high-water mark, not to its size. */
const smallShare = 0.25;

function occupancyLines({ outcome }: RunReport, style: Style, width: number): string[] {
  const { pool, timeline } = outcome;
  if (pool === null || timeline === null || timeline.most.length === 0) return [];
  const small = pool.hiwater < pool.slots * smallShare;
  const figures = `  ${countWords(pool.hiwater)}/${countWords(pool.slots)}`;
  const room = Math.min(100, width - 2 - figures.length);
  const marked = failureMarks(timeline, room);
  const bins = timeline.most.length;
  const begin = timeWords(timeline.from);
  const end = timeWords(timeline.from + timeline.width * bins);
  const scale = `  ${begin}${end.padStart(Math.max(end.length + 1, Math.min(room, bins) - begin.length))}`;
  const spark = sparkLine(timeline, small ? Math.max(1, pool.hiwater) : pool.slots, room);
  return [
    `${style.bold("Pool over time")}${style.dim(small ? " (a full block is the high-water mark)" : "")}`,
    `  ${style.cyan(spark.padEnd(Math.min(room, bins)))}${figures}`,
    ...(marked === "" ? [] : [`  ${style.red(marked)}`]),
    style.dim(scale),
  ];
}

function failureLines({ outcome }: RunReport, style: Style, width: number): string[] {
  const { pool } = outcome;
  if (pool === null) return [];
  const groups = groupFailures(pool.failures);
  const refused = groupFailures(pool.refusedLists);
  if (groups.length === 0 && refused.length === 0) return [];
  const more = groups.length + refused.length - firstGroups;
  const shown = [...groups.map((g) => ({ g, list: false })), ...refused.map((g) => ({ g, list: true }))];
  return [
    style.bold("Failures"),
    ...shown.slice(0, firstGroups).flatMap(({ g, list }) => groupLines(outcome.devices, g, list, style, width)),
    ...(more > 0 ? [`  and ${plural(more, "group")} more`] : []),
    ...triesWords(outcome).flatMap((words) => wrap(words, width, "  ", "    ")),
  ];
}

/** Mappings whose outcome is not recorded, and why. */
function unknownLines({ outcome }: RunReport, style: Style, width: number): string[] {
  const words = unknownWords(outcome);
  if (words.length === 0) return [];
  return [style.bold("Not recorded"), ...words.flatMap((w) => wrap(w, width, "  ", "    "))];
}

function groupLines(
  devices: RunReport["outcome"]["devices"],
  group: FailureGroup,
  list: boolean,
  style: Style,
  width: number,
): string[] {
  const device = devices[group.device];
  const name = device === undefined ? "unknown device" : device.name + (device.driver ? ` (${device.driver})` : "");
  const sizes =
    group.sizeLeast === group.sizeMost
      ? bytesWords(group.sizeMost)
      : `${bytesWords(group.sizeLeast)} to ${bytesWords(group.sizeMost)}`;
  const { title, meaning } = reasonWords[group.reason];
  const count = plural(
    group.failures.length,
    list ? "list of buffers" : "mapping",
    list ? "lists of buffers" : undefined,
  );
  const head = `${title}: ${count} of ${harmless(name)}, ${list ? "at an entry of " : ""}${sizes}`;
  const first = group.failures
    .slice(0, firstFailures)
    .flatMap((f) => wrap(`${timeWords(f.time)}  CPU ${f.cpu}  ${f.words}`, width, "    ", " ".repeat(6)));
  const more = group.failures.length - firstFailures;
  return [
    ...wrap(head, width, "  ", "    ").map(style.red),
    ...wrap(meaning, width, "    ").map(style.dim),
    ...first,
    ...(more > 0 ? [style.dim(`    and ${countWords(more)} more`)] : []),
  ];
}

function mismatchLines({ outcome }: RunReport, style: Style, width: number): string[] {
  const bounces = outcome.exact.mismatches.map((m) => ({ ...m, of: "bounce" }));
  const iovas = outcome.iova?.mismatches.map((m) => ({ ...m, size: m.bytes, of: `IOVA, ${m.of}` })) ?? [];
  const mismatches = [...bounces.slice(0, firstMismatches), ...iovas.slice(0, firstMismatches)];
  if (mismatches.length === 0) return [];
  const of = iovas.length > 0 ? [left("of")] : [];
  const columns = [left("time"), left("device"), ...of, right("bytes"), right("kernel"), right("model")];
  const rows = mismatches.map((m) => [
    ...[timeWords(m.time), outcome.devices[m.device]?.name ?? "unknown", ...of.map(() => m.of), countWords(m.size)],
    ...[hexWords(m.kernel) ?? "–", hexWords(m.model) ?? "refused"],
  ]);
  const [head, ...body] = table(columns, rows, width);
  const reasons = new Set((outcome.iova?.mismatches ?? []).map(({ why }) => why));
  const why = [...reasons].filter((words) => words !== null).flatMap((words) => wrap(`${words}.`, width, "  "));
  return [style.bold("Where the model chose another address"), style.dim(head!), ...body, ...why.map(style.dim)];
}

function whatIfLines({ outcome }: RunReport, style: Style, width: number): string[] {
  if (outcome.whatIf.length === 0) return [];
  const columns = [
    ...[right("slots"), right("size", 2), right("areas"), left("mode"), right("bounced"), right("failed")],
    ...[right("high-water"), right("of pool", 1)],
  ];
  const rows = outcome.whatIf.map((row) => [
    ...[countWords(row.slots), slotsWords(row.slots), countWords(row.areas), row.forced ? "force" : "auto"],
    ...[countWords(row.bounced), countWords(row.failed), countWords(row.hiwater), shareWords(row.hiwater, row.slots)],
  ]);
  const [head, ...body] = table(columns, rows, width);
  const explained = whatIfWords(outcome).flatMap((words) => wrap(words, width, "  "));
  return [style.bold("The same requests on other pools"), style.dim(head!), ...body, ...explained.map(style.dim)];
}

function adviceLines(report: RunReport, style: Style, width: number): string[] {
  const { what, because } = wholeAdvice(report);
  return [
    style.bold("Advice"),
    ...wrap(what, width, "  ").map((line) => style.bold(style.green(line))),
    ...wrap(because, width, "  "),
  ];
}
