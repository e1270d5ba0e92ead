/** The facts of a machine as pairs of a name and words, each marked when it was inferred. */
import type { ReplayOutcome } from "../../lab/replay/outcome.js";
import { countWords, hexWords, plural, slotsWords, spanWords } from "./quantity.js";

export interface MachineFact {
  readonly name: string;
  readonly words: string;
  readonly inferred: boolean;
}

export function machineFacts({ machine, source }: ReplayOutcome): MachineFact[] {
  const inferred = (name: string): boolean => machine.inferred.includes(name);
  const facts: MachineFact[] = [
    { name: "kernel", words: machine.kernel ?? "not recorded", inferred: inferred("kernel") },
    { name: "CPUs", words: countWords(machine.cpus), inferred: inferred("cpus") },
  ];
  const pool = machine.swiotlb;
  if (pool === null) {
    facts.push({ name: "swiotlb", words: "no pool was seen", inferred: false });
  } else {
    const some = ["base", "slots", "areas", "forced"].some((field) => inferred(`swiotlb.${field}`));
    const size = `${plural(pool.slots, "slot")} (${slotsWords(pool.slots)})`;
    facts.push({
      name: "swiotlb",
      words: `${size} at ${hexWords(pool.base)}, ${plural(pool.areas, "area")}${pool.forced ? ", forced" : ""}`,
      inferred: some || inferred("swiotlb"),
    });
    facts.push({ name: "slot search", words: pool.profile, inferred: inferred("swiotlb.profile") });
  }
  const lost = source.lost === 0 ? "none lost" : `${countWords(source.lost)} lost`;
  const length = source.to - source.from;
  const span = Number.isFinite(length) ? ` in ${spanWords(length)}` : "";
  facts.push({ name: "recording", words: `${plural(source.events, "event")}${span}, ${lost}`, inferred: false });
  return facts;
}
