/** The answers of `why` as lines for people. */

import { plural } from "../../base/count_words.js";
import type { ReportFinding } from "../recording/run_report.js";
import { widthMin, wrap } from "../text/layout.js";
import { styleFor } from "../text/style.js";

/** @returns lines without line ends; a sentence that says so when there is nothing to explain. */
export function whyLines(findings: readonly ReportFinding[], options: { color: boolean; width: number }): string[] {
  const style = styleFor(options.color);
  const width = Math.max(widthMin, options.width);
  if (findings.length === 0) return wrap("Nothing here tells of trouble with swiotlb, an IOMMU or DMA.", width);
  const part = (name: string, text: string): string[] =>
    text === "" ? [] : wrap(text, width, `  ${name.padEnd(10)}`, " ".repeat(12));
  return findings.flatMap((finding, i) => [
    ...(i === 0 ? [] : [""]),
    ...wrap(finding.line, width, "", "  ").map(style.bold),
    ...part("cause", finding.cause),
    ...part("evidence", finding.evidence).map(style.dim),
    ...part("do", finding.do).map(style.green),
    ...part("seen", seen(finding)).map(style.dim),
  ]);
}

/** How often, when it was more than once. */
function seen({ count = 1, lastTime = null }: ReportFinding): string {
  if (count < 2) return "";
  return `${plural(count, "time")}${lastTime === null ? "" : `, the last at ${lastTime.toFixed(6)} s`}`;
}
