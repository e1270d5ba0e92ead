/** What the page of the HTML report is given, as one JSON value. Times are microseconds of the recording's clock. */

import type { FailureReason } from "../../../lab/replay/contracts/refusal.js";
import type { Failure } from "../../../lab/replay/told/failure.js";
import type { DeviceOutcome, Exact, ReplayOutcome, WhatIf } from "../../../lab/replay/told/outcome.js";
import { setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { groupFailures } from "../../words/groups.js";
import { reasonWords } from "../../words/reasons.js";
import { type RunReport, type WholeAudit, wholeAudit } from "../run_report.js";
import { wholeAdvice } from "../unmap_policy.js";
import { domainChangeWords } from "../words/domain_changes.js";
import { type MachineFact, machineFacts } from "../words/machine.js";
import { type RequestWords, requestWords } from "../words/requests.js";
import { type RunVerdict, verdictOf, violationCount } from "../words/verdict.js";
import { whatIfWords } from "../words/what_if.js";
import { type XenWords, xenWords } from "../words/xen.js";
import { encodeRuns } from "./runs.js";

/** A page with more cards than this is slow to open; the others are counted and are all in the JSON document. */
export const failuresMax = 20_000;
const changesMax = 200;

/** `picture` is flat: slot, count, device, slot, count, device ... */
export type PageFailure = Omit<Failure, "picture"> & { readonly picture: readonly number[] | null };

export interface PageTimeline {
  readonly from: number;
  readonly width: number;
  readonly most: readonly number[];
  readonly fewest: readonly number[];
  readonly failures: readonly number[];
}

export interface PageSlotMap {
  readonly columns: number;
  readonly rows: number;
  readonly slotsPerRow: number;
  readonly rowSlots: readonly number[];
  readonly from: number;
  readonly width: number;
  /** Runs of cells, see `encodeRuns`. */
  readonly cells: string;
}

export interface PageData {
  readonly verdict: RunVerdict;
  readonly source: ReplayOutcome["source"];
  readonly facts: readonly MachineFact[];
  readonly evidence: readonly string[];
  readonly maps: ReplayOutcome["maps"];
  /** Of a recording that shows requests to bounce only; null for every other. */
  readonly requests: RequestWords | null;
  readonly slotBytes: number;
  readonly setSlots: number;
  readonly pool: Omit<NonNullable<ReplayOutcome["pool"]>, "failures" | "refusedLists"> | null;
  readonly forced: boolean;
  readonly exact: Exact;
  /** Of a Xen domain; null for every other recording. */
  readonly xen: XenWords | null;
  readonly devices: readonly DeviceOutcome[];
  readonly timeline: PageTimeline | null;
  readonly slotMap: PageSlotMap | null;
  readonly reasons: Readonly<Record<FailureReason, { readonly title: string; readonly meaning: string }>>;
  /** In order of time; the first `failuresMax` of them. */
  readonly failures: readonly PageFailure[];
  /** Over all failures, shown or not. */
  readonly failureGroups: readonly {
    readonly reason: FailureReason;
    readonly device: number;
    readonly count: number;
  }[];
  readonly failuresLeftOut: number;
  readonly audit: WholeAudit;
  readonly violationCount: number;
  /** Devices that were given another domain, a sentence each; the first changes of them. */
  readonly domainChanges: readonly string[];
  readonly whatIf: readonly WhatIf[];
  readonly whatIfWords: readonly string[];
  readonly advice: ReplayOutcome["advice"];
}

export function pageData(report: RunReport): PageData {
  const { outcome, audit } = report;
  const { pool, timeline, slotMap } = outcome;
  const all = pool === null ? [] : [...pool.failures, ...pool.refusedLists].sort((a, b) => a.time - b.time);
  const { slots, areas, base, used, hiwater, hiwaterTime, atLeast, counters } = pool ?? emptyPool;
  return {
    verdict: verdictOf(report),
    source: outcome.source,
    facts: machineFacts(outcome),
    evidence: outcome.machine.evidence,
    maps: outcome.maps,
    requests: requestWords(outcome),
    slotBytes,
    setSlots,
    // Without ends of mappings there is no use of the pool to draw.
    pool:
      pool === null || pool.endsRecorded === false
        ? null
        : { slots, areas, base, used, hiwater, hiwaterTime, atLeast, counters },
    forced: outcome.machine.swiotlb?.forced ?? false,
    exact: outcome.exact,
    xen: xenWords(outcome),
    devices: outcome.devices,
    timeline: timeline === null ? null : pageTimeline(timeline),
    slotMap:
      slotMap === null ? null : { ...slotMap, rowSlots: [...slotMap.rowSlots], cells: encodeRuns(slotMap.cells) },
    reasons: reasonWords,
    failures: all.slice(0, failuresMax).map(pageFailure),
    failureGroups: groupFailures(all).map((g) => ({ reason: g.reason, device: g.device, count: g.failures.length })),
    failuresLeftOut: Math.max(0, all.length - failuresMax),
    audit: wholeAudit(audit),
    violationCount: violationCount(audit),
    domainChanges: audit.domainChanges === undefined ? [] : domainChangeWords(audit.domainChanges, changesMax),
    whatIf: outcome.whatIf,
    whatIfWords: whatIfWords(outcome),
    advice: wholeAdvice(report),
  };
}

const emptyPool = { slots: 0, areas: 0, base: 0, used: 0, hiwater: 0, hiwaterTime: 0, atLeast: false, counters: null };

function pageTimeline(timeline: NonNullable<ReplayOutcome["timeline"]>): PageTimeline {
  const { from, width, most, fewest, failures } = timeline;
  return { from, width, most: [...most], fewest: [...fewest], failures: [...failures] };
}

function pageFailure(failure: Failure): PageFailure {
  const picture = failure.picture?.flatMap(({ slot, count, device }) => [slot, count, device]) ?? null;
  return { ...failure, picture };
}
