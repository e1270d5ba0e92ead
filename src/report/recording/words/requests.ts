/** Requests to bounce of a recording that does not show what became of them, in words. */

import { countWords, plural } from "../../../base/count_words.js";
import { noMappingsWords } from "../../../lab/replay/machine/shows.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import { requestRefusalWords } from "../../../lab/replay/told/request_summary.js";
import { bytesWords, timeWords } from "../../words/quantity.js";

export interface RequestWords {
  /** What the recording does not show, and why. */
  readonly why: string;
  readonly devices: readonly {
    readonly name: string;
    readonly driver: string | null;
    readonly count: number;
    readonly bytes: number;
    /** "4 KiB", "4 KiB to 252 KiB". */
    readonly sizes: string;
    readonly refused: number;
    readonly why: readonly { readonly words: string; readonly count: number }[];
  }[];
  /** The first refusals that the log tells of, a sentence each, and how many more. */
  readonly refused: readonly string[];
  readonly refusedMore: number;
  /** What the log tells beyond that; empty when nothing. */
  readonly notes: readonly string[];
}

const firstRefusals = 10;

/** @returns null for a recording that shows mappings. */
export function requestWords({ requests, devices, machine }: ReplayOutcome): RequestWords | null {
  if (requests === null) return null;
  const { matched, unmatched, suppressed } = requests.log;
  const all = requests.devices.reduce((sum, d) => sum + d.count, 0);
  const notes = [
    ...(matched + unmatched + suppressed === 0
      ? ["no kernel log says what became of them: give it with --dmesg"]
      : matched < all
        ? ["of the others nothing says whether they found room"]
        : []),
    ...(unmatched > 0
      ? [`the log has ${plural(unmatched, "line")} of further refusals, of requests that are not in the recording`]
      : []),
    ...(suppressed > 0 ? [`the kernel left out ${plural(suppressed, "line")} more`] : []),
  ];
  return {
    why: noMappingsWords(machine.kernel),
    devices: requests.devices
      .map((d) => ({
        name: devices[d.device]?.name ?? "unknown device",
        driver: devices[d.device]?.driver ?? null,
        count: d.count,
        bytes: d.bytes,
        sizes: d.least === d.most ? bytesWords(d.most) : `${bytesWords(d.least)} to ${bytesWords(d.most)}`,
        refused: d.refused,
        why: d.why,
      }))
      .sort((a, b) => b.count - a.count),
    refused: requests.refused
      .slice(0, firstRefusals)
      .map((r) => `${timeWords(r.time)}  ${devices[r.device]?.name ?? "unknown device"}: ${requestRefusalWords(r)}`),
    refusedMore: Math.max(0, matched - firstRefusals),
    notes,
  };
}

/** "2 requests to bounce, 8 KiB in all". */
export function requestCountWords({ maps, requests }: ReplayOutcome): string {
  const bytes = requests?.devices.reduce((sum, d) => sum + d.bytes, 0) ?? 0;
  return `${countWords(maps.total)} ${maps.total === 1 ? "request" : "requests"} to bounce, ${bytesWords(bytes)} in all`;
}
