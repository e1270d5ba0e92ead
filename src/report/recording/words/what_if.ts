/** What the figures of other pools mean beside the recorded ones. */

import { countWords } from "../../../base/count_words.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";

/** Sentences that explain the table; empty where its figures need none. */
export function whatIfWords({ whatIf, pool, machine }: ReplayOutcome): string[] {
  if (pool === null || pool.failures.length + pool.refusedLists.length === 0) return [];
  const same = whatIf.find(
    (w) => w.slots === pool.slots && w.areas === pool.areas && w.forced === (machine.swiotlb?.forced ?? false),
  );
  const counts =
    "A request here is a mapping or one entry of a list of buffers, however often it was tried. One that was refused in the recording is taken to be " +
    "held as long as its device's others, and a driver that is refused would have gone on differently";
  if (same === undefined) return [`${counts}.`];
  return [`${counts}: so the recorded pool refuses another number here (${countWords(same.failed)}) than it did.`];
}
