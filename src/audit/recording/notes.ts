/** What a recording could not answer, and limits that were met: each a sentence with its number. */
import { countWords } from "../../base/count_words.js";
import { liveMax } from "./mappings.js";
import type { AuditState } from "./state.js";

const sentences: readonly (readonly [(state: AuditState) => number, (n: number) => string])[] = [
  [
    (state) => state.before,
    (n) =>
      `${countWords(n)} unmaps, frees and syncs name an address that this recording never saw mapped: mapped before it began, or ` +
      "by an interface without events",
  ],
  [
    (state) => state.lost,
    (n) =>
      `${countWords(n)} or more events were lost: mappings that were alive at a loss are not judged, and some listed as ` +
      "alive may have ended",
  ],
  [
    (state) => state.joined,
    (n) =>
      `${countWords(n)} lists were joined by an IOMMU into fewer pieces: which bus range is which memory is not recorded, so ` +
      "overlaps and exposure leave them out",
  ],
  [
    (state) => state.beyond,
    (n) =>
      `more than ${countWords(liveMax)} mappings were alive, or not seen to end, at once: ${countWords(n)} were not followed, and leaks ` +
      "cannot be told from what came later",
  ],
  [
    (state) => state.sharedLines,
    (n) =>
      `${countWords(n)} times two mappings that devices write began in one cache line: harmless where devices see the CPU's ` +
      "caches (x86 and most servers), lost data where they do not",
  ],
  [
    (state) => state.unclassed,
    (n) => `${countWords(n)} mappings are in none of the groups alive at the end: too many different sizes`,
  ],
];

export function notes(state: AuditState): string[] {
  return sentences
    .map(([count, words]) => ({ n: count(state), words }))
    .flatMap(({ n, words }) => (n > 0 ? [words(n)] : []));
}
