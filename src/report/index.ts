/** Reports of a run: lines for a terminal, JSON documents with their schemas, one HTML file, a Perfetto trace. */

export type { FailureReason } from "../lab/replay/contracts/refusal.js";
export type { DeviceOutcome, WhatIf } from "../lab/replay/told/outcome.js";
export { type CheckReport, checkExitCode } from "./check/check_report.js";
export { checkDocument, checkListDocument } from "./check/document.js";
export { checkLines } from "./check/lines.js";
export { checkListLines } from "./check/list.js";
export type { CoarseBlocks } from "./inspect/columns.js";
export { walkDot } from "./inspect/dot.js";
export { inspectHtml, inspectPageText } from "./inspect/html.js";
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
export { pageLifetimeDocument } from "./lifetime/document.js";
export { pageLifetimeLines } from "./lifetime/lines.js";
export { callRows, pageLifetimeMarkdown, policyRows, unitRows } from "./lifetime/markdown.js";
export { machineDocument } from "./machine/machine_document.js";
export { machineLines } from "./machine/machine_lines.js";
export { machinePerfetto } from "./machine/machine_perfetto.js";
export { memoryCore, registersText } from "./machine/memory_image.js";
export {
  leftOutWords,
  type MachinePageData,
  type MachinePageDma,
  type MachinePageEntry,
  type MachinePageEvent,
  machineHtml,
  machinePage,
} from "./machine/page/machine_page.js";
export { runLines } from "./recording/lines/run_lines.js";
export type {
  PageData,
  PageFailure,
  PageSlotMap,
  PageTimeline,
} from "./recording/page/page_data.js";
export { type Page, runHtml, runPage } from "./recording/page/run_html.js";
export { PerfettoWriter } from "./recording/perfetto/perfetto_writer.js";
export { ReplayWatch } from "./recording/perfetto/replay_watch.js";
export { runDocument } from "./recording/run_document.js";
export type { ReportAudit, ReportFinding, RunReport, WholeAudit } from "./recording/run_report.js";
export type { RequestWords } from "./recording/words/requests.js";
export { type RunVerdict, type Tone, verdictOf } from "./recording/words/verdict.js";
export { replaceDocument } from "./replace/document.js";
export { replacementLines, replaceTableLines } from "./replace/lines.js";
export { hitlessMarkdown, tableRows } from "./replace/markdown.js";
export { replacementMarkdown } from "./replace/pair_markdown.js";
export { demonstrationDocument, runListDocument, scenarioDocument } from "./scenario/document.js";
export { demonstrationLines, runListLines, scenarioLines } from "./scenario/lines.js";
export { bugsMarkdown, scenarioMarkdown, scenariosMarkdown } from "./scenario/markdown.js";
export type { Told } from "./scenario/told.js";
export type * from "./schema/documents.js";
export { inspectSchema } from "./schema/inspect.js";
export { type DocumentName, documentNames, jsonSchema } from "./schema/json_schema.js";
export { runSchema } from "./schema/run.js";
export { whySchema } from "./schema/why.js";
export { refusalFindings } from "./why/refusals.js";
export { whyDocument } from "./why/why_document.js";
export { whyLines } from "./why/why_lines.js";
