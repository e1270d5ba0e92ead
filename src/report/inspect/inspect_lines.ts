/** An inspection as lines for people: the verdict, units, devices, what was asked, findings. */
import type { Finding } from "../../audit/inspect/facts/inspection.js";
import { widthMin, wrap } from "../text/layout.js";
import { type Style, styleFor } from "../text/style.js";
import { diffLines, walkLines, whoLines } from "./answer_lines.js";
import { deviceLines, mappingLines, unitLines } from "./device_lines.js";
import { firmwareLines } from "./firmware_lines.js";
import { type InspectReport, shownFindings } from "./inspect_report.js";
import { imageWords, inspectVerdict } from "./inspect_verdict.js";

export interface LineOptions {
  readonly color: boolean;
  readonly width: number;
}

/**
 * Lines without line ends. What was asked is answered first; then come the verdict and its troubles, and, when nothing
 * was asked or one device was, all that is known.
 */
export function* inspectLines(report: InspectReport, options: LineOptions): Generator<string> {
  const style = styleFor(options.color);
  const width = Math.max(widthMin, options.width);
  const { who, walk, diff } = report;
  if (who !== null) yield* spaced(whoLines(report, who, style));
  if (walk !== null) yield* spaced(walkLines(walk, style, width));
  if (diff !== null) {
    yield* spaced(diffLines(diff, style, width));
    yield style.bold(diff.file);
    yield* verdictLines(diff.other, style, width);
    const wrong = shownFindings(diff.other).filter(isReason);
    yield* spaced(findingLines(wrong, style, width));
    yield style.bold(report.inspection.source.file);
  }
  const asked = who !== null || walk !== null || diff !== null;
  const findings = shownFindings(report);
  yield* verdictLines(report, style, width);
  if (asked && !report.everyMapping) {
    yield* findingLines(findings.filter(isReason), style, width);
    return;
  }
  yield "";
  yield* unitLines(report, style, width);
  yield "";
  const firmware = firmwareLines(report, style, width);
  if (firmware.length > 0) yield* spaced(firmware);
  yield* deviceLines(report, style, width);
  if (report.shown.some((i) => (report.inspection.devices[i]!.ranges?.count ?? 0) > 0)) {
    yield "";
    yield* mappingLines(report, style, width);
  }
  yield* findingLines(findings, style, width);
}

const isReason = ({ weight }: Finding): boolean => weight !== "note";

/** What stands before a verdict, and before a finding, and in which colour. */
export const levelSigns = { trouble: "✗", unproven: "⚠", shown: "✓", note: "·" } as const;
const levelPaints = { trouble: "red", unproven: "yellow", shown: "green", note: "dim" } as const;

function* spaced(lines: Iterable<string>): Generator<string> {
  yield* lines;
  yield "";
}

function verdictLines(report: InspectReport, style: Style, width: number): string[] {
  const { source } = report.inspection;
  const { level, words } = inspectVerdict(report);
  const shown = level === "unproven" && report.strict === true ? "trouble" : level;
  const head = wrap(`${levelSigns[shown]} ${words}`, width, "", "  ").map(style[levelPaints[shown]]);
  return [
    ...head,
    ...[imageWords(source), ...(source.notes ?? [])].flatMap((note) => wrap(note, width, "  ", "    ").map(style.dim)),
  ];
}

function* findingLines(findings: readonly Finding[], style: Style, width: number): Generator<string> {
  if (findings.length === 0) return;
  yield "";
  yield style.bold("Findings");
  for (const { weight, what, where, why } of findings) {
    const paint = weight === "note" ? (text: string) => text : style[levelPaints[weight]];
    yield* wrap(what, width, `  ${levelSigns[weight]} `, "    ").map(paint);
    yield* wrap(where, width, "    ");
    yield* wrap(why, width, "    ").map(style.dim);
  }
}
