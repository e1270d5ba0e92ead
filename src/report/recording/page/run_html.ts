/** A run as one HTML file. */

import { oneFile, type Page, type PageText } from "../../page/one_file.js";
import type { RunReport } from "../run_report.js";
import { pageData } from "./page_data.js";

export type { Page } from "../../page/one_file.js";

export const runHtml = (report: RunReport, page: Page): string => oneFile(page, runPage(report));

/** What the page shows. */
export function runPage(report: RunReport): PageText {
  return {
    title: `${report.outcome.source.name} – dmalab`,
    noscript: "This report draws its charts with a script; the same facts as text come from dmalab run.",
    data: pageData(report),
  };
}
