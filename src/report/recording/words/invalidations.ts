/** Whether what was unmapped was forgotten in time, in sentences. */
import type { Invalidations } from "../../../audit/recording/invalidation/invalidations.js";
import { countWords, plural } from "../../../base/count_words.js";
import { bytesWords, spanWords } from "../../words/quantity.js";

/** @returns a sentence each; the first says how many were covered */
export function invalidationWords(found: Invalidations): string[] {
  const { unmaps, note, broken, waiting, unknown } = found;
  const asked = askedWords(found);
  if (unmaps === 0) return [`No unmapping is recorded${asked === "" ? "" : `, and ${asked}`}.`];
  const unmappings = plural(unmaps, "unmapping");
  if (note !== null)
    return [`Whether ${unmappings} ${unmaps === 1 ? "was" : "were"} forgotten by caches is not known: ${note}.`];
  return [
    `${countWords(found.covered)} of ${unmappings} ${found.covered === 1 ? "was" : "were"} covered by an invalidation before the address was used again` +
      `${inAllWords(found)}${asked === "" ? "" : `: ${asked}`}.`,
    ...(broken > 0 ? [`${countWords(broken)} ${broken === 1 ? "was" : "were"} not.`] : []),
    ...(waiting > 0 ? [`${countWords(waiting)} ${waiting === 1 ? "was" : "were"} still waiting at the end.`] : []),
    ...unknown.map(({ count, why }) => `Of ${countWords(count)} it is not known: ${why}.`),
    ...reachableWords(found),
  ];
}

const inAllWords = ({ coveredInAll }: Invalidations): string =>
  coveredInAll === 0 ? "" : ` (${countWords(coveredInAll)} that no event names, in every domain that is ever flushed)`;

/** "861 IOTLB descriptors", "36 flushes" where no descriptor is recorded. */
function askedWords({ descriptors, flushes }: Invalidations): string {
  if (descriptors.length === 0) return flushes === 0 ? "" : plural(flushes, "flush", "flushes");
  const total = descriptors.reduce((sum, { count }) => sum + count, 0);
  const kinds = descriptors.map(({ kind, count }) => `${countWords(count)} ${kind}`);
  return `${kinds.join(", ")} ${total === 1 ? "descriptor" : "descriptors"}`;
}

function reachableWords({ reachable, mappedAnew, unmaps }: Invalidations): string[] {
  if (reachable === null) return [];
  const { count, of, median, max, byteSeconds } = reachable;
  const others = unmaps - of;
  const unknown =
    others === 0
      ? []
      : [`Whether memory of ${of === 0 ? "" : "the other "}${countWords(others)} stayed reachable is not known.`];
  if (of === 0) return unknown;
  const anew = mappedAnew === 0 ? "" : `; the memory of ${countWords(mappedAnew)} was mapped anew meanwhile`;
  if (median === null || max === null) {
    const what = others === 0 ? "Nothing" : `Nothing of ${countWords(of)}`;
    return [`${what} stayed reachable once its driver could use it again.`, ...unknown];
  }
  const span = (seconds: number) => spanWords(seconds * 1e6);
  return [
    `${countWords(count)} of ${countWords(of)} stayed reachable after their driver could use them again: ${span(median)} in the ` +
      `median, ${span(max)} at most, ${bytesWords(byteSeconds)} × seconds in all${anew}.`,
    ...unknown,
  ];
}
