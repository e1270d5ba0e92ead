/** The facts of a machine as pairs of a name and words, each marked when it was inferred. */

import { countWords, plural } from "../../../base/count_words.js";
import type { ReplayOutcome } from "../../../lab/replay/told/outcome.js";
import { profiles } from "../../../sw/swiotlb/index.js";
import { hexWords, slotsWords, spanWords } from "../../words/quantity.js";

export interface MachineFact {
  readonly name: string;
  readonly words: string;
  readonly inferred: boolean;
}

/** "as in Linux 6.9 and later". */
function searchWords(id: string): string {
  const kernels = profiles.find((p) => p.id === id)?.kernels;
  return kernels === undefined ? id : `as in Linux ${kernels}`;
}

export function machineFacts({ machine, source, replayedOn, requests }: ReplayOutcome): MachineFact[] {
  const inferred = (name: string): boolean => machine.inferred.includes(name);
  const facts: MachineFact[] = [
    { name: "kernel", words: machine.kernel ?? "not recorded", inferred: inferred("kernel") },
    inferred("cpus")
      ? { name: "CPUs", words: `${countWords(machine.cpus)} or more: an excerpt does not say`, inferred: false }
      : { name: "CPUs", words: countWords(machine.cpus), inferred: false },
  ];
  const pool = machine.swiotlb;
  if (pool === null) {
    const words =
      replayedOn === "other"
        ? "no pool, as asked for"
        : requests === null
          ? "no pool was seen"
          : "in use, its bounds are not in the log";
    facts.push({ name: "swiotlb", words, inferred: false });
  } else {
    const some = ["base", "slots", "areas", "forced"].some((field) => inferred(`swiotlb.${field}`));
    const size = `${plural(pool.slots, "slot")} (${slotsWords(pool.slots)})`;
    facts.push({
      name: "swiotlb",
      words: `${size} at ${hexWords(pool.base)}, ${plural(pool.areas, "area")}${pool.forced ? ", forced" : ""}`,
      inferred: some || inferred("swiotlb"),
    });
    facts.push({ name: "slot search", words: searchWords(pool.profile), inferred: inferred("swiotlb.profile") });
  }
  const none = source.excerpt ? "an excerpt does not say what was lost" : "none lost";
  const lost = source.lost === 0 ? none : `${countWords(source.lost)} lost`;
  const length = source.to - source.from;
  const span = Number.isFinite(length) ? ` in ${spanWords(length)}` : "";
  facts.push({ name: "recording", words: `${plural(source.events, "event")}${span}, ${lost}`, inferred: false });
  return facts;
}
