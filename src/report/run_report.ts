/**
 * What the reports print: the outcome of a replay and what the audit of the same recording found.
 *
 * The audit is named here by the shape that a report needs, so that a report can also be made of a subset of it.
 */
import type { ReplayOutcome } from "../lab/replay/outcome.js";

/** Mappings of one device that were never unmapped and kept growing in number. */
export interface ReportLeak {
  readonly device: string;
  readonly count: number;
  readonly bytes: number;
  /** Seconds of the recording's clock at which the oldest of them was mapped. */
  readonly since: number;
  /** What speaks for a leak, in words. */
  readonly evidence?: string;
}

/** One breach of a DMA-API rule or of a safety invariant. */
export interface ReportViolation {
  /** Stable id of the rule. */
  readonly rule: string;
  readonly device: string;
  /** Seconds. */
  readonly time: number;
  readonly detail: string;
}

/** Bytes outside mappings that a device could reach because an IOMMU maps whole granules. */
export interface ReportExposure {
  readonly device: string;
  readonly mappings: number;
  readonly bytes: number;
  readonly words?: string;
}

export interface ReportAudit {
  readonly leaks: readonly ReportLeak[];
  readonly violations: readonly ReportViolation[];
  /** How often each rule was breached in all; `violations` holds the first ones. Absent = all of them are listed. */
  readonly violationTotals?: readonly { readonly rule: string; readonly count: number }[];
  readonly exposure?: readonly ReportExposure[];
  /** Rules that a recording cannot show, and why. */
  readonly unknowable?: readonly { readonly rule: string; readonly why: string }[];
}

export interface RunReport {
  readonly outcome: ReplayOutcome;
  readonly audit: ReportAudit;
}

/** One answer of `why`. Further keys may be there and are printed in JSON as they are. */
export interface ReportFinding {
  /** The line of the log, or the setting, that this is about. */
  readonly line: string;
  readonly cause: string;
  readonly evidence: string;
  readonly do: string;
  /** False for a message that is normal and only worth knowing. */
  readonly trouble?: boolean;
  /** How many lines of the log say the same, and the seconds of the log's clock when the last one came. */
  readonly count?: number;
  readonly lastTime?: number | null;
}
