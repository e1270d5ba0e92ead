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
  const length = source.to - source.from;
  const span = Number.isFinite(length) ? ` in ${spanWords(length)}` : "";
  facts.push({
    name: "recording",
    words: `${plural(source.events, "event")}${span}, ${lossWords(source)}`,
    inferred: false,
  });
  return facts;
}

/** What was lost as far as the recording says: "none" only where all of it is here. */
function lossWords({ lost, excerpt, absent = 0, holes }: ReplayOutcome["source"]): string {
  const said = lost > 0 ? `${countWords(lost)} lost` : null;
  if (excerpt) return said ?? "an excerpt does not say what was lost";
  if (absent > 0) {
    const others = `${countWords(absent)} more that its header counts ${absent === 1 ? "is" : "are"} not here`;
    return `${said ?? "none said to be lost"}, but ${others}`;
  }
  if (holes !== undefined) return `${said ?? "none said to be lost"}, but it is not whole (see the warnings)`;
  return said ?? "none lost";
}
