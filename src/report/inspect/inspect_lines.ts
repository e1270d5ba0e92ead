/** An inspection as lines for people: the verdict, units, devices, what was asked, findings. */
import type { Finding } from "../../audit/reach/inspection.js";
import { widthMin, wrap } from "../terminal/layout.js";
import { type Style, styleFor } from "../terminal/style.js";
import { bytesWords, plural } from "../words/quantity.js";
import { diffLines, walkLines, whoLines } from "./answer_lines.js";
import { deviceLines, mappingLines, unitLines } from "./device_lines.js";
import { type InspectReport, shownFindings } from "./inspect_report.js";

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
  if (diff !== null) yield* spaced(diffLines(diff, style, width));
  const asked = who !== null || walk !== null || diff !== null;
  const findings = shownFindings(report);
  yield* verdictLines(report, style, width);
  if (asked && !report.everyMapping) {
    yield* findingLines(
      findings.filter((f) => f.weight === "trouble"),
      style,
      width,
    );
    return;
  }
  yield "";
  yield* unitLines(report, style, width);
  yield "";
  yield* deviceLines(report, style, width);
  if (report.shown.some((i) => (report.inspection.devices[i]!.ranges?.count ?? 0) > 0)) {
    yield "";
    yield* mappingLines(report, style, width);
  }
  yield* findingLines(findings, style, width);
}

function* spaced(lines: Iterable<string>): Generator<string> {
  yield* lines;
  yield "";
}

function verdictLines(report: InspectReport, style: Style, width: number): string[] {
  const { source } = report.inspection;
  const devices = report.shown.map((i) => report.inspection.devices[i]!);
  const troubles = shownFindings(report).filter((f) => f.weight === "trouble").length;
  const open = devices.filter((d) => (d.state === "identity" || d.state === "bypass") && d.allow !== 0).length;
  const confined = devices.filter((d) => d.state === "translated").length;
  const off = report.inspection.units.filter(
    (u) => u.translating === false && u.abilities?.abortsWhenOff !== true,
  ).length;
  const reached = new Set(devices.map((d) => d.ranges).filter((r) => r !== null));
  const bytes = [...reached].reduce((sum, r) => sum + r.byteCount, 0);
  const sums = [
    ...(confined === 0
      ? []
      : [`${plural(confined, "device")} ${confined === 1 ? "is" : "are"} confined to ${bytesWords(bytes)}`]),
    ...(open === 0 ? [] : [`${plural(open, "device")} ${open === 1 ? "reaches" : "reach"} all of memory`]),
    ...(off === 0
      ? []
      : [`what is behind ${off === 1 ? "a unit that is" : `${off} units that are`} off reaches all of memory`]),
    ...(confined + open + off === 0 ? ["no device reaches anything"] : []),
  ];
  const head =
    troubles === 0
      ? wrap(`✓ ${sums.join(", ")}.`, width, "", "  ").map(style.green)
      : wrap(`✗ ${plural(troubles, "trouble")}: ${sums.join(", ")}.`, width, "", "  ").map(style.red);
  const image = `${source.format}${source.machine === null ? "" : ` of ${source.machine}`}, ${bytesWords(source.bytes)} of memory`;
  return [
    ...head,
    ...[image, ...(source.notes ?? [])].flatMap((note) => wrap(note, width, "  ", "    ").map(style.dim)),
  ];
}

function* findingLines(findings: readonly Finding[], style: Style, width: number): Generator<string> {
  if (findings.length === 0) return;
  yield "";
  yield style.bold("Findings");
  for (const { weight, what, where, why } of findings) {
    const paint = weight === "trouble" ? style.red : style.yellow;
    yield* wrap(what, width, weight === "trouble" ? "  ✗ " : "  · ", "    ").map(paint);
    yield* wrap(where, width, "    ");
    yield* wrap(why, width, "    ").map(style.dim);
  }
}
