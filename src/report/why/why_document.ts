/** The answers of `why` as one JSON document, `dmalab.why/1`. */
import type { ReportFinding } from "../recording/run_report.js";
import type { WhyDocument } from "../schema/documents.js";

/** @param findings further keys of a finding are kept as they are; they must be JSON values. */
export function whyDocument(findings: readonly ReportFinding[]): WhyDocument {
  return { schema: "dmalab.why/1", findings: findings.map((finding) => ({ ...finding })) };
}
