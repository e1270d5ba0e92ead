/** An inspection as one HTML file that needs nothing else: no network, no other file. */
import type { MemoryView } from "../../mem/view.js";
import { oneFile, type Page, type PageText } from "../page/one_file.js";
import { inspectPage, type PageLimits } from "./html_data.js";
import type { InspectReport } from "./inspect_report.js";

/**
 * @param memory the image, for the tree of tables; null: none is shown
 * @returns the file; below 10 MB with the usual limits, and the page says what was left out
 */
export function inspectHtml(report: InspectReport, page: Page, memory: MemoryView | null, limits?: PageLimits): string {
  return oneFile(page, inspectPageText(report, memory, limits));
}

/** What the page shows; parameters as above. */
export function inspectPageText(report: InspectReport, memory: MemoryView | null, limits?: PageLimits): PageText {
  return {
    title: `${report.inspection.source.file} – dmalab inspect`,
    noscript: "This page draws its map with a script; the same facts as text come from dmalab inspect.",
    data: inspectPage(report, memory, limits),
  };
}
