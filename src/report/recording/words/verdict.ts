/** The first sentences of every report: what happened, how exactly it was followed, how full the pool was. */

import { countWords, plural } from "../../../base/count_words.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import { shareWords, slotsWords, timeWords } from "../../words/quantity.js";
import { type RunReport, wholeAudit } from "../run_report.js";
import { requestCountWords } from "./requests.js";

/** trouble: the recording shows something that needs a person. unknown: too little was recorded to say. */
export type Tone = "fine" | "trouble" | "unknown";

export interface RunVerdict {
  readonly tone: Tone;
  /** One sentence. */
  readonly headline: string;
  /** One sentence: the model's addresses against the kernel's own. */
  readonly exact: string;
  /** One sentence: how full the pool became; null when there is no pool. */
  readonly occupancy: string | null;
}

export function verdictOf(report: RunReport): RunVerdict {
  const { outcome } = report;
  const troubles = troublesOf(report);
  const known = outcome.shows === "mappings" && outcome.maps.total > 0 && !isDoubtful(outcome);
  const tone = troubles.length > 0 ? "trouble" : known ? "fine" : "unknown";
  const elsewhere = outcome.replayedOn === "other" ? "On the machine asked for: " : "";
  const headline = elsewhere + (troubles.length > 0 ? sentence(troubles) : calm(outcome));
  return { tone, headline, exact: exactWords(outcome), occupancy: occupancyWords(outcome) };
}

/** What needs a person, most urgent first. Empty = nothing does. */
function troublesOf({ outcome, audit }: RunReport): string[] {
  const { maps, pool, requests } = outcome;
  const { lists, tries: refused } = refusedLists(outcome);
  const found: string[] = [];
  const failed = Math.max(maps.failed, pool?.failures.length ?? 0);
  if (failed > 0) {
    const what =
      requests === null
        ? plural(maps.total - maps.unknown, "mapping")
        : plural(maps.total, "request to bounce", "requests to bounce");
    const by = requests === null ? "failed" : `${failed === 1 ? "was" : "were"} refused, as the log says`;
    found.push(`${countWords(failed)} of ${what} ${by}`);
  }
  if (refused > 0) {
    const different =
      lists === refused ? "" : ` (${lists === 1 ? "always the same one" : `${countWords(lists)} different ones`})`;
    found.push(`${plural(refused, "list")} of buffers ${refused === 1 ? "was" : "were"} refused${different}`);
  }
  const leaked = audit.leaks.reduce((sum, leak) => sum + leak.count, 0);
  if (leaked > 0) found.push(`${plural(leaked, "mapping")} leaked`);
  const violations = violationCount(audit);
  if (violations > 0)
    found.push(`DMA rules were broken ${violations === 1 ? "once" : `${countWords(violations)} times`}`);
  const { faults } = wholeAudit(audit);
  const used = faults.reduce((sum, device) => sum + device.count, 0);
  if (used > 0) {
    const who = `${plural(used, "access", "accesses")} of devices ${used === 1 ? "was" : "were"}`;
    found.push(`${who} refused by an IOMMU${faults.every((f) => f.fromLog) ? ", as the log says" : ""}`);
  }
  const wrong = outcome.xen?.cache?.wrong.invalidated ?? 0;
  if (wrong > 0) {
    const times = wrong === 1 ? "once" : `${countWords(wrong)} times`;
    found.push(`the cache of a wrong page was invalidated ${times} after a device had written to a foreign one`);
  }
  const scattered = outcome.xen?.slotSets?.broken ?? 0;
  if (scattered > 0)
    found.push(`${plural(scattered, "slot set")} of the pool ${scattered === 1 ? "lies" : "lie"} in pieces`);
  const reached = outcome.xen?.straddledDirect ?? 0;
  if (reached > 0) found.push(`${plural(reached, "buffer")} in pieces went to devices without a bounce`);
  return found;
}

/** Lists that were refused, and how often they were tried. */
function refusedLists({ pool }: ReplayOutcome): { lists: number; tries: number } {
  const told = pool?.refusedLists.length ?? 0;
  return pool?.refusedTries ?? { lists: told, tries: told };
}

/** Whether mappings were asked for of which nobody knows whether they were granted, those under way left aside. */
const isDoubtful = ({ unknownBecause = [], source }: ReplayOutcome): boolean =>
  unknownBecause.some((u) => !u.underWay || source.lost > 0);

/** Breaches of all rules, listed or not. */
export function violationCount(audit: RunReport["audit"]): number {
  return wholeAudit(audit).violationTotals.reduce((sum, total) => sum + total.count, 0);
}

export function sentence(parts: readonly string[]): string {
  const joined = listed(parts);
  return `${joined[0]!.toUpperCase()}${joined.slice(1)}.`;
}

/** "a", "a and b", "a, b and c". */
function listed(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

function calm(outcome: ReplayOutcome): string {
  const { maps } = outcome;
  if (outcome.requests !== null) {
    return `What became of ${requestCountWords(outcome)} is not recorded.`;
  }
  if (maps.total === 0) return "No DMA mapping was recorded, so there is nothing to judge.";
  const known = maps.total - maps.unknown;
  if (known === 0) return `What became of ${plural(maps.unknown, "mapping")} is not recorded.`;
  const more = maps.unknown === 0 ? "" : `; what became of ${countWords(maps.unknown)} more is not recorded`;
  const ways = [
    maps.bounced > 0 ? `${countWords(maps.bounced)} bounced` : "",
    maps.direct > 0 ? `${countWords(maps.direct)} direct` : "",
    maps.translated > 0 ? `${countWords(maps.translated)} translated` : "",
    maps.foreign > 0 ? `${countWords(maps.foreign)} of foreign pages` : "",
  ].filter((way) => way !== "");
  const all = more === "" ? "All " : "";
  if (ways.length === 1 && known > 1) {
    return `${all}${countWords(known)} mappings worked, all of them ${ways[0]!.replace(/^[\d,]+ /, "")}${more}.`;
  }
  const worked = known === 1 ? "The one mapping worked" : `${all}${countWords(known)} mappings worked`;
  return `${worked}${ways.length === 0 ? "" : `: ${ways.join(", ")}`}${more}.`;
}

function exactWords(outcome: ReplayOutcome): string {
  const { exact, iova, xen } = outcome;
  const pages = xen?.addresses ?? null;
  const judged = [
    { ...pick(exact), what: "bounce addresses" },
    ...(pages === null ? [] : [{ ...pick(pages), what: "bus addresses of pages" }]),
    ...(iova == null ? [] : [{ ...pick(iova), what: "IOVAs" }]),
    { ...pick(exact.refusals), what: "refusals" },
    { ...pick(exact.decisions), what: "decisions to bounce or not" },
  ].filter(({ compared }) => compared > 0);
  const unknown = pages?.unknown ?? 0;
  const notes = [
    ...(exact.note === null ? [] : [exact.note]),
    ...(iova?.note == null ? [] : [`IOVAs are not compared: ${iova.note}`]),
    ...iovaWords(iova ?? null),
    ...((iova?.older ?? 0) > 0 && iova!.note === null
      ? [`${plural(iova!.older, "IOVA")} of domains older than the recording not compared`]
      : []),
    ...(unknown > 0 ? [`${countWords(unknown)} bus addresses are of frames that the dumps do not tell`] : []),
  ];
  const note = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  if (outcome.replayedOn === "other") return `Not compared: ${exact.note}.`;
  if (judged.length === 0) return `Exactness unknown: the recording shows no address to compare${note}.`;
  const parts = judged.map(({ compared, equal, what }) => `${countWords(equal)} of ${countWords(compared)} ${what}`);
  const all = judged.every(({ compared, equal }) => equal === compared);
  const free = exact.note === null ? corrections(exact.corrections) : "";
  return `${all ? "Exact" : "Not exact"}: ${listed(parts)} are the kernel's own${free}${note}.`;
}

/** What the IOVAs are of, and those that no event of the DMA API shows. */
function iovaWords(iova: NonNullable<ReplayOutcome["iova"]> | null): string[] {
  if (iova === null || iova.compared === 0) return [];
  const { single, list, coherent } = iova.of;
  const kinds = [
    ...(single.compared > 0 ? [plural(single.compared, "single mapping")] : []),
    ...(list.compared > 0 ? [plural(list.compared, "list")] : []),
    ...(coherent.compared > 0 ? [plural(coherent.compared, "coherent allocation")] : []),
  ];
  const { count, found } = iova.unnamed;
  const more =
    count === 0
      ? []
      : [
          `${plural(count, "more mapping")} ${count === 1 ? "is" : "are"} named by no event, and ` +
            `${found === count ? "each" : `${countWords(found)} of them`} found to be of a domain`,
        ];
  return [`the IOVAs are of ${listed(kinds)}`, ...more];
}

const pick = ({ compared, equal }: { compared: number; equal: number }) => ({ compared, equal });

/** The replay's own note tells of corrections too: said here when there is none. */
const corrections = (count: number): string =>
  count === 0 ? "" : `, after the model was set to the kernel's state ${plural(count, "time")}`;

/** What the kernel's own counter says, when it says something else than the model. */
function counterWords(
  { hiwater, atLeast }: NonNullable<ReplayOutcome["pool"]>,
  counters: NonNullable<ReplayOutcome["pool"]>["counters"],
): string {
  if (counters?.hiwater == null) return "";
  if (counters.hiwater === hiwater) return "; the kernel's own counter has the same mark";
  const why = atLeast || counters.hiwater > hiwater ? ", which counts from the boot on," : "";
  return `; the kernel's own counter${why} says ${countWords(counters.hiwater)}`;
}

/** Why no more is known than the least that was in use. */
function leastBecause({ source, maps }: ReplayOutcome): string {
  if (source.excerpt) return "an excerpt does not show all";
  if (maps.unknown > 0) return `what became of ${plural(maps.unknown, "mapping")} is not recorded`;
  return "the pool was in use before the recording";
}

function occupancyWords(outcome: ReplayOutcome): string | null {
  const { pool } = outcome;
  if (pool === null) return null;
  const { hiwater, slots, used, atLeast, counters } = pool;
  if (pool.endsRecorded === false) {
    const said =
      counters?.hiwater == null ? "" : `; the kernel's own counter says at most ${countWords(counters.hiwater)}`;
    return `How full the pool of ${plural(slots, "slot")} was is not known: ends of mappings are missing${said}.`;
  }
  const least = atLeast ? "at least " : "";
  return (
    `High-water mark: ${least}${countWords(hiwater)} of ${plural(slots, "slot")} (${shareWords(hiwater, slots)}, ` +
    `${slotsWords(hiwater)}) at ${timeWords(pool.hiwaterTime)}; ${least}${countWords(used)} in use at the end` +
    `${atLeast ? ` (${leastBecause(outcome)})` : ""}${counterWords(pool, counters)}.`
  );
}
