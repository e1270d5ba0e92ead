/** What the audit of a recording found, as lines for people. */
import type { AliveGroup } from "../../audit/recording/result.js";
import { type RunReport, type WholeAudit, wholeAudit } from "../run_report.js";
import { bytesWords, countWords, plural } from "../words/quantity.js";
import { violationCount } from "../words/verdict.js";
import { wrap } from "./layout.js";
import type { Style } from "./style.js";

/** How many are shown in words; the rest is counted, and `--json` has all that were kept. */
const firstViolations = 10;
const firstGroups = 10;

export function auditLines(report: RunReport, style: Style, width: number): string[] {
  const audit = wholeAudit(report.audit);
  return [
    ...section("Leaks", groupLines(audit.leaks, width).map(style.red), style),
    ...section("Broken rules", violationLines(audit, style, width), style),
    ...section("Alive at the end", groupLines(audit.alive, width), style),
    ...section("What devices reach", exposureLines(audit, width), style),
    ...section("What the recording leaves open", noteLines(audit, width), style),
  ];
}

function section(title: string, lines: readonly string[], style: Style): string[] {
  return lines.length === 0 ? [] : [style.bold(title), ...lines];
}

function groupLines(groups: readonly AliveGroup[], width: number): string[] {
  const more = groups.length - firstGroups;
  const lines = groups.slice(0, firstGroups).flatMap((group) => {
    const what = `${countWords(group.count)} × ${bytesWords(group.size)} ${group.kind} ${group.direction}`;
    const total = `${bytesWords(group.bytes)} in all, since ${group.since.toFixed(6)} s`;
    const evidence = group.evidence === "" ? "" : `: ${group.evidence}`;
    return wrap(`${group.device}: ${what}, ${total}${evidence}`, width, "  ", "    ");
  });
  return more > 0 ? [...lines, `  and ${plural(more, "group")} more`] : lines;
}

function violationLines(audit: WholeAudit, style: Style, width: number): string[] {
  const shown = audit.violations.slice(0, firstViolations);
  const lines = shown.flatMap(({ time, device, rule, detail }) =>
    wrap(`${time.toFixed(6)} s  ${device}  ${rule}: ${detail}`, width, "  ", "    "),
  );
  const more = violationCount(audit) - shown.length;
  return more > 0 ? [...lines, style.dim(`  and ${countWords(more)} more`)] : lines;
}

function exposureLines(audit: WholeAudit, width: number): string[] {
  return audit.exposure.flatMap(({ device, words }) => wrap(`${device}: ${words}`, width, "  ", "    "));
}

function noteLines(audit: WholeAudit, width: number): string[] {
  return audit.notes.flatMap((note) => wrap(note, width, "  ", "    "));
}
