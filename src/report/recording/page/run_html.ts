/** A run as one HTML file. */

import { oneFile, type Page } from "../../page/one_file.js";
import type { RunReport } from "../run_report.js";
import { pageData } from "./page_data.js";

export type { Page } from "../../page/one_file.js";

export function runHtml(report: RunReport, page: Page): string {
  return oneFile(page, {
    title: `${report.outcome.source.name} – dmalab`,
    noscript: "This report draws its charts with a script; the same facts as text come from dmalab run.",
    data: pageData(report),
  });
}
