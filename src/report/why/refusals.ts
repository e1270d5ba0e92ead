/** Refused mappings of a replay as answers of `why`: one for each device and reason. */

import { plural } from "../../base/count_words.js";
import type { FailureReason } from "../../lab/replay/contracts/refusal.js";
import type { ReplayOutcome } from "../../lab/replay/told/outcome.js";
import type { ReportFinding } from "../recording/run_report.js";
import { groupFailures } from "../words/groups.js";
import { reasonWords } from "../words/reasons.js";

/** What helps against each reason, beside the size that the replay found. */
const remedies: Readonly<Record<FailureReason, string>> = {
  "too-large": "let the driver or block layer build smaller requests (max_sectors_kb); a larger pool does not help",
  exhausted: "a larger pool, or fewer requests in flight (queue depth)",
  fragmented: "a larger pool, or smaller requests: short runs are what is left in a busy pool",
  area: "fewer areas (swiotlb=SLOTS,AREAS) or a larger pool",
  alignment: "a larger pool; the device's alignment leaves few places to begin",
  boundary: "smaller requests: none may cross the device's boundary",
  mask: "a pool lower in memory (swiotlb below 4 GiB), or a device that reaches further",
  absent: "a pool: remove swiotlb=noforce, or reserve memory below 4 GiB for it",
  unknown: "a recording without lost events, begun before the devices were started",
};

export function refusalFindings(outcome: ReplayOutcome): ReportFinding[] {
  const { pool } = outcome;
  if (pool === null) return [];
  const { what, because } = outcome.advice;
  const size = `${what} (${because})`;
  return [...groupFailures(pool.failures), ...groupFailures(pool.refusedLists)].map((group) => {
    const first = group.failures[0]!;
    const device = outcome.devices[group.device];
    const who = device === undefined ? "an unknown device" : `${device.driver ?? ""} ${device.name}`.trim();
    const what = first.list ? "scatter lists" : "mappings";
    return {
      line: `${who}: ${plural(group.failures.length, `refused ${what.slice(0, -1)}`)} (${reasonWords[group.reason].title})`,
      cause: reasonWords[group.reason].meaning,
      evidence: `first at ${(first.time / 1e6).toFixed(6)} s: ${first.words}`,
      do: `${remedies[group.reason]}; ${size}`,
      trouble: true,
    };
  });
}
