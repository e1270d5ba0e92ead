/** What the audit of a recording found, as lines for people. */

import { countWords, plural } from "../../../base/count_words.js";
import { type Column, table, wrap } from "../../text/layout.js";
import type { Style } from "../../text/style.js";
import { byWords, someOf } from "../../words/groups.js";
import { bytesWords } from "../../words/quantity.js";
import { type RunReport, type WholeAudit, wholeAudit } from "../run_report.js";
import { policyWords, unmapPolicy } from "../unmap_policy.js";
import { domainChangeWords } from "../words/domain_changes.js";
import { invalidationWords } from "../words/invalidations.js";
import { violationCount } from "../words/verdict.js";

/** How many are shown in words; the rest is counted, and `--json` has all that were kept. */
const firstViolations = 10;
const firstGroups = 10;
const firstChanges = 10;

/** @returns the sections that have something to say. */
export function auditSections(report: RunReport, style: Style, width: number): string[][] {
  const audit = wholeAudit(report.audit);
  return [
    section("Leaks", leakLines(audit, width).map(style.red), style),
    section("Refused accesses", faultLines(audit, width).map(style.red), style),
    section("Broken rules", violationLines(audit, style, width), style),
    section("After unmapping", afterUnmapping(report, width), style),
    section("Domain changes", domainChangeLines(report, width), style),
    section("Alive at the end", aliveLines(audit, style, width), style),
    section("What devices reach", exposureLines(audit, width), style),
    section("What the recording leaves open", noteLines(audit, width), style),
  ];
}

function section(title: string, lines: readonly string[], style: Style): string[] {
  return lines.length === 0 ? [] : [style.bold(title), ...lines];
}

function leakLines({ leaks }: WholeAudit, width: number): string[] {
  const more = leaks.length - firstGroups;
  const lines = leaks.slice(0, firstGroups).flatMap((leak) => {
    const what = `${countWords(leak.count)} × ${bytesWords(leak.size)} ${leak.kind} ${leak.direction}`;
    const total = `${bytesWords(leak.bytes)} in all, since ${leak.since.toFixed(6)} s`;
    const evidence = leak.evidence === "" ? "" : `: ${leak.evidence}`;
    return wrap(`${leak.device}: ${what}, ${total}${evidence}`, width, "  ", "    ");
  });
  return more > 0 ? [...lines, `  and ${plural(more, "group")} more`] : lines;
}

function faultLines({ faults }: WholeAudit, width: number): string[] {
  return faults.slice(0, firstGroups).flatMap((f) => {
    const more = f.examples.length > 1 ? `; ${f.examples.slice(1).join("; ")}` : "";
    const pages = `${plural(f.count, "access", "accesses")} to ${plural(f.pages, "page")}`;
    return wrap(`${f.device} ${f.examples[0] ?? ""}${more} (${pages} in all)`, width, "  ", "    ");
  });
}

const aliveColumns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "count", align: "right" },
  { title: "each", align: "right", spare: 1 },
  { title: "in all", align: "right" },
  { title: "since", align: "right", spare: 2 },
  { title: "kind", align: "left" },
  { title: "direction", align: "left", spare: 3 },
];

function aliveLines({ alive }: WholeAudit, style: Style, width: number): string[] {
  if (alive.length === 0) return [];
  const rows = alive
    .slice(0, firstGroups)
    .map((group) => [
      ...[group.device, countWords(group.count), bytesWords(group.size), bytesWords(group.bytes)],
      ...[`${group.since.toFixed(6)} s`, group.kind, group.direction],
    ]);
  const [head, ...body] = table(aliveColumns, rows, width);
  const more = alive.length - firstGroups;
  return [style.dim(head!), ...body, ...(more > 0 ? [style.dim(`  and ${plural(more, "group")} more`)] : [])];
}

function violationLines(audit: WholeAudit, style: Style, width: number): string[] {
  const shown = audit.violations.slice(0, firstViolations);
  const lines = shown.flatMap(({ time, device, rule, detail }) =>
    wrap(`${time.toFixed(6)} s  ${device}  ${rule}: ${detail}`, width, "  ", "    "),
  );
  const more = violationCount(audit) - shown.length;
  const relied = shown.some(({ relies }) => relies === "maps")
    ? wrap(`relied on: every mapping of these devices left an event, as their unmappings show`, width, "  ", "    ")
    : [];
  return [...lines, ...(more > 0 ? [`  and ${countWords(more)} more`] : []).map(style.dim), ...relied.map(style.dim)];
}

function afterUnmapping(report: RunReport, width: number): string[] {
  const { invalidations } = report.audit;
  if (invalidations === undefined) return [];
  const policy = unmapPolicy(report);
  return [...(policy === null ? [] : [policyWords(policy)]), ...invalidationWords(invalidations)].flatMap((words) =>
    wrap(words, width, "  ", "    "),
  );
}

function domainChangeLines({ audit }: RunReport, width: number): string[] {
  const words = audit.domainChanges === undefined ? [] : domainChangeWords(audit.domainChanges, firstChanges);
  return words.flatMap((each) => wrap(each, width, "  ", "    "));
}

function exposureLines(audit: WholeAudit, width: number): string[] {
  const devices = byWords(audit.exposure.map(({ device, words }) => [words, device]));
  return devices
    .slice(0, firstGroups)
    .flatMap(([words, names]) => wrap(`${someOf(names)}: ${words}`, width, "  ", "    "));
}

function noteLines(audit: WholeAudit, width: number): string[] {
  const unjudged = audit.unjudged.map(({ devices, what, why }) => `${someOf(devices)}: ${what}. ${why}.`);
  return [...unjudged, ...audit.notes].flatMap((note) => wrap(note, width, "  ", "    "));
}
