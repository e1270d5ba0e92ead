/** Reports of a run: lines for a terminal, JSON documents with their schemas, one HTML file, a Perfetto trace. */

export type { FailureReason } from "../lab/replay/failure.js";
export type { DeviceOutcome, WhatIf } from "../lab/replay/outcome.js";
export type {
  PageData,
  PageFailure,
  PageSlotMap,
  PageTimeline,
} from "./html/page_data.js";
export { type Page, runHtml } from "./html/run_html.js";
export type { CoarseBlocks } from "./inspect/columns.js";
export { walkDot } from "./inspect/dot.js";
export { inspectHtml } from "./inspect/html.js";
export {
  type InspectPage,
  type PageEntry,
  type PageFinding,
  type PageLimits,
  type PageReach,
  type PageReacher,
  type PageUnit,
  pageLimitsUsual,
} from "./inspect/html_data.js";
export type { PageField, PageLevel, PageTableNode, PageTableRoot, PageTables } from "./inspect/html_tables.js";
export { inspectDocument, inspectJson } from "./inspect/inspect_json.js";
export { inspectLines } from "./inspect/inspect_lines.js";
export { exitCodeOf, type InspectReport, type WhoAnswer } from "./inspect/inspect_report.js";
export { walkSvg } from "./inspect/svg.js";
export { runDocument } from "./json/run_document.js";
export { whyDocument } from "./json/why_document.js";
export { machineDocument } from "./machine/machine_document.js";
export { machineLines } from "./machine/machine_lines.js";
export { PerfettoWriter } from "./perfetto/perfetto_writer.js";
export { ReplayWatch } from "./perfetto/replay_watch.js";
export type { ReportAudit, ReportFinding, RunReport, WholeAudit } from "./run_report.js";
export { demonstrationDocument, runListDocument, scenarioDocument } from "./scenario/document.js";
export { demonstrationLines, runListLines, scenarioLines } from "./scenario/lines.js";
export { bugsMarkdown, scenarioMarkdown, scenariosMarkdown } from "./scenario/markdown.js";
export type { Told } from "./scenario/told.js";
export type * from "./schema/documents.js";
export { inspectSchema } from "./schema/inspect.js";
export { type DocumentName, documentNames, jsonSchema } from "./schema/json_schema.js";
export { runSchema } from "./schema/run.js";
export { whySchema } from "./schema/why.js";
export { runLines } from "./terminal/run_lines.js";
export { whyLines } from "./terminal/why_lines.js";
export { refusalFindings } from "./words/refusals.js";
export type { RequestWords } from "./words/requests.js";
export { type Tone, type Verdict, verdictOf } from "./words/verdict.js";
