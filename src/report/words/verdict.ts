/** The first sentences of every report: what happened, how exactly it was followed, how full the pool was. */
import type { ReplayOutcome } from "../../lab/replay/outcome.js";
import type { RunReport } from "../run_report.js";
import { countWords, plural, shareWords, slotsWords, timeWords } from "./quantity.js";

/** trouble: the recording shows something that needs a person. unknown: too little was recorded to say. */
export type Tone = "fine" | "trouble" | "unknown";

export interface Verdict {
  readonly tone: Tone;
  /** One sentence. */
  readonly headline: string;
  /** One sentence: the model's addresses against the kernel's own. */
  readonly exact: string;
  /** One sentence: how full the pool became; null when there is no pool. */
  readonly occupancy: string | null;
}

export function verdictOf(report: RunReport): Verdict {
  const { outcome } = report;
  const troubles = troublesOf(report);
  const tone = troubles.length > 0 ? "trouble" : outcome.maps.total === 0 ? "unknown" : "fine";
  const headline = troubles.length > 0 ? sentence(troubles) : calm(outcome);
  return { tone, headline, exact: exactWords(outcome), occupancy: occupancyWords(outcome) };
}

/** What needs a person, most urgent first. Empty = nothing does. */
function troublesOf({ outcome, audit }: RunReport): string[] {
  const { maps, pool } = outcome;
  const refused = pool?.refusedLists.length ?? 0;
  const found: string[] = [];
  if (maps.failed > 0) found.push(`${countWords(maps.failed)} of ${plural(maps.total, "mapping")} failed`);
  if (refused > 0) found.push(`${plural(refused, "list")} of buffers ${refused === 1 ? "was" : "were"} refused`);
  const leaked = audit.leaks.reduce((sum, leak) => sum + leak.count, 0);
  if (leaked > 0) found.push(`${plural(leaked, "mapping")} leaked`);
  const violations = violationCount(audit);
  if (violations > 0)
    found.push(`DMA rules were broken ${violations === 1 ? "once" : `${countWords(violations)} times`}`);
  return found;
}

/** Breaches of all rules, listed or not. */
export function violationCount(audit: RunReport["audit"]): number {
  return audit.violationTotals?.reduce((sum, total) => sum + total.count, 0) ?? audit.violations.length;
}

function sentence(parts: readonly string[]): string {
  const [last, ...before] = [...parts].reverse();
  const joined = before.length === 0 ? last! : `${before.reverse().join(", ")} and ${last}`;
  return `${joined[0]!.toUpperCase()}${joined.slice(1)}.`;
}

function calm({ maps }: ReplayOutcome): string {
  if (maps.total === 0) return "No DMA mapping was recorded, so there is nothing to judge.";
  const ways = [
    maps.bounced > 0 ? `${countWords(maps.bounced)} bounced` : "",
    maps.direct > 0 ? `${countWords(maps.direct)} direct` : "",
    maps.translated > 0 ? `${countWords(maps.translated)} translated` : "",
    maps.foreign > 0 ? `${countWords(maps.foreign)} of foreign pages` : "",
  ].filter((way) => way !== "");
  const worked = maps.total === 1 ? "The one mapping worked" : `All ${countWords(maps.total)} mappings worked`;
  return `${worked}${ways.length === 0 ? "" : `: ${ways.join(", ")}`}.`;
}

function exactWords({ exact }: ReplayOutcome): string {
  if (exact.compared === 0) {
    return exact.note ?? "Exactness: nothing to compare, the recording shows no bounce address.";
  }
  const { compared, equal, refusals, decisions } = exact;
  const also = [
    refusals.compared > 0 ? `${countWords(refusals.equal)} of ${plural(refusals.compared, "refusal")}` : "",
    decisions.compared > 0
      ? `${countWords(decisions.equal)} of ${plural(decisions.compared, "decision")} to bounce or not`
      : "",
  ].filter((words) => words !== "");
  const all = equal === compared && refusals.equal === refusals.compared && decisions.equal === decisions.compared;
  const addresses = `${countWords(equal)} of ${countWords(compared)} bounce addresses are the kernel's own`;
  const rest = also.length === 0 ? "" : `, and so are ${also.join(" and ")}`;
  const note = exact.note === null ? "" : ` (${exact.note})`;
  return `${all ? "Exact" : "Not exact"}: ${addresses}${rest}${corrections(exact.corrections)}${note}.`;
}

const corrections = (count: number): string =>
  count === 0 ? "" : `, after the model was set to the kernel's state ${plural(count, "time")}`;

function occupancyWords({ pool }: ReplayOutcome): string | null {
  if (pool === null) return null;
  const { hiwater, slots, used } = pool;
  return (
    `High-water mark: ${countWords(hiwater)} of ${plural(slots, "slot")} (${shareWords(hiwater, slots)}, ` +
    `${slotsWords(hiwater)}) at ${timeWords(pool.hiwaterTime)}; ${countWords(used)} in use at the end.`
  );
}
