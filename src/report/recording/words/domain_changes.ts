/** Devices that were given another domain, in sentences. */
import type { DomainChange, DomainChanges, Gap, Side } from "../../../audit/recording/changes/change.js";
import { countWords, plural } from "../../../base/count_words.js";
import { spanWords } from "../../words/quantity.js";

/** @param shownMax how many changes are shown; `--json` has all that were kept @returns a sentence or a change each; none where every device kept its first domain */
export function domainChangeWords(found: DomainChanges, shownMax: number): string[] {
  if (found.count === 0) return [];
  const { changes, again } = found;
  const more = found.count - Math.min(changes.length, shownMax);
  return [
    ...changes.slice(0, shownMax).map(changeWords),
    ...(more > 0 ? [`and ${countWords(more)} more`] : []),
    ...orderWords(found),
    ...(again.count > 0 ? [againWords(again)] : []),
    ...(again.covered > 0 || found.changes.some(({ order }) => order === "kept") ? [unitsAlike] : []),
  ];
}

/** "16.462309 s  0000:00:01.0: domain 3 to identity; nothing served it for 382 µs to 1.2 ms; asked for: context cache (domain 3) ..." */
export function changeWords(change: DomainChange): string {
  const { time, device, pasid, from, to, gap, gapNote, asked, mapped, maps, unmaps } = change;
  const who = `${device ?? "a device"}${pasid === 0 ? "" : `, PASID ${pasid}`}`;
  const order = change.order === "broken" ? ` (${change.orderNote})` : "";
  return [
    `${time.toFixed(6)} s  ${who}: ${sidesWords(from, to)}${change.how === "torn down" ? ", torn down" : ""}`,
    gap === null ? `gap not shown: ${gapNote}` : `nothing served it for ${gapWords(gap)}`,
    ...(asked.length === 0 ? [] : [`told to forget, in this order: ${asked.join(", ")}${order}`]),
    ...(mapped === 0 ? [] : [`${plural(mapped, "mapping")} of it had not ended`]),
    ...(maps + unmaps === 0 ? [] : [`${countWords(maps)} mapped and ${countWords(unmaps)} unmapped meanwhile`]),
  ].join("; ");
}

const sideNames: Readonly<Record<Exclude<Side["kind"], "translated">, string>> = {
  identity: "identity",
  blocked: "blocked",
  none: "none",
  untagged: "identity or blocked",
  unknown: "a domain that is not shown",
};

const sideWords = ({ kind, domain }: Side): string => (kind === "translated" ? `domain ${domain}` : sideNames[kind]);

const sidesWords = (from: Side, to: Side): string =>
  from.kind === "unknown" && to.kind === "unknown"
    ? "attached again, to which domain is not shown"
    : `${sideWords(from)} to ${sideWords(to)}`;

function gapWords({ atLeast, atMost }: Gap): string {
  const least = spanWords(atLeast * 1e6);
  return atMost === null
    ? `${least} at least`
    : atLeast === 0
      ? `${spanWords(atMost * 1e6)} at most`
      : `${least} to ${spanWords(atMost * 1e6)}`;
}

const asHardwareAsks = "the order that hardware asks for";

/** What both rely on. */
const unitsAlike = "Which unit was told is not read: in a machine with several of them neither is shown.";

function orderWords({ changes, broken }: DomainChanges): string[] {
  const kept = changes.filter(({ order }) => order === "kept").length;
  const unknown = new Map<string, number>();
  for (const { order, orderNote } of changes) {
    if (order === "unknown") unknown.set(orderNote!, (unknown.get(orderNote!) ?? 0) + 1);
  }
  return [
    ...(kept > 0 ? [`In ${plural(kept, "change")}, caches were told to forget in ${asHardwareAsks}.`] : []),
    ...(broken > 0 ? [`In ${plural(broken, "change")}, caches were not told to forget in ${asHardwareAsks}.`] : []),
    ...[...unknown].map(([why, count]) => `The order of ${plural(count, "change")} is not known: ${why}.`),
  ];
}

function againWords({ count, covered, broken, unknown }: DomainChanges["again"]): string {
  const numbers = `${plural(count, "number")} of domains served again after the last device had gone`;
  const parts = [
    ...(covered > 0 ? [`${covered === count ? "all" : countWords(covered)} forgotten by the IOTLB in between`] : []),
    ...(broken > 0 ? [`${countWords(broken)} not`] : []),
    ...unknown.map((u) => `${countWords(u.count)} not known (${u.why})`),
  ];
  return `${numbers}: ${parts.join(", ")}.`;
}
