/** Lists that drivers try again and again, and mappings whose outcome is not recorded, in words. */

import { plural } from "../../../base/count_words.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import { timeWords } from "../../words/quantity.js";

const firstLists = 5;

/** "0000:00:03.0: 401 attempts of the same list were refused between 13.8 s and 14.5 s; the driver tries again". */
export function triesWords({ pool, devices }: ReplayOutcome): string[] {
  const again = pool?.refusedTries?.again ?? [];
  const told = again.slice(0, firstLists).map(({ device, tries, from, to }) => {
    const when = `between ${timeWords(from)} and ${timeWords(to)}`;
    const name = devices[device]?.name ?? "an unknown device";
    return `${name}: ${plural(tries, "attempt")} of the same list were refused ${when}; the driver tries again`;
  });
  const more = again.length - firstLists;
  return more > 0 ? [...told, `and ${plural(more, "list")} more that were tried again`] : told;
}

/** "What became of 12 mappings: no event tells their outcome". */
export function unknownWords({ unknownBecause = [] }: ReplayOutcome): string[] {
  return unknownBecause.map(({ words, count }) => `What became of ${plural(count, "mapping")}: ${words}`);
}
