/** What the reports print. */
import type { AuditResult } from "../../audit/recording/result.js";
import type { ReplayOutcome } from "../../lab/replay/told/outcome.js";

/** The outcome of a replay, and what the audit of the same recording found. */
export interface RunReport {
  readonly outcome: ReplayOutcome;
  readonly audit: ReportAudit;
}

/** An audit may be of nothing (a described machine has no recording), and then says only that it found nothing. */
export type ReportAudit = Pick<AuditResult, "leaks" | "violations"> & Partial<AuditResult>;

export type WholeAudit = Omit<AuditResult, "from" | "to" | "counts"> & Pick<ReportAudit, "counts">;

/** The audit with what it does not say as empty. Without totals, the violations listed are all there are. */
export function wholeAudit(audit: ReportAudit): WholeAudit {
  const { leaks, violations, counts, alive = [], exposure = [], notes = [], unknowable = [] } = audit;
  const { faults = [], unjudged = [], aliveUnknown = [], invalidations, domainChanges } = audit;
  const rules = [...new Set(violations.map(({ rule }) => rule))];
  const counted = rules.map((rule) => ({ rule, count: violations.filter((v) => v.rule === rule).length }));
  const violationTotals = audit.violationTotals ?? counted;
  const found = { leaks, violations, violationTotals, faults, alive, exposure };
  const more = {
    ...(invalidations === undefined ? {} : { invalidations }),
    ...(domainChanges === undefined ? {} : { domainChanges }),
  };
  const whole = { ...found, ...more, unjudged, aliveUnknown, notes, unknowable };
  return counts === undefined ? whole : { ...whole, counts };
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
