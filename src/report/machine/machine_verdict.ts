/** The first sentences on a described machine: what went wrong, and what held all the same. */

import { countWords, plural } from "../../base/count_words.js";
import { isTrouble, type MachineOutcome } from "../../lab/machine/outcome.js";
import { sentence, type Tone } from "../recording/words/verdict.js";
import { takenAwayWords, wrongAnswerWords } from "./iommu_lines.js";

export interface MachineVerdict {
  readonly tone: Tone;
  /** One sentence. */
  readonly headline: string;
  /** One sentence: what held beside the trouble; null when the headline says all. */
  readonly held: string | null;
}

export function machineVerdict(o: MachineOutcome): MachineVerdict {
  if (!o.idle)
    return {
      tone: "unknown",
      headline: "The run was cut before its end: nothing is known of what came after.",
      held: null,
    };
  if (isTrouble(o)) return { tone: "trouble", headline: sentence(troublesOf(o)), held: heldBeside(o) };
  if (o.programs.length === 0)
    return { tone: "unknown", headline: "No program ran: the description has no workload.", held: null };
  const wrong = o.iommu?.wrongAnswers ?? [];
  if (wrong.length > 0)
    return {
      tone: "unknown",
      headline: sentence([`not shown to be safe: ${wrong.map(wrongAnswerWords).join("; ")}`]),
      held: heldBeside(o),
    };
  const taken = takenOf(o);
  return {
    tone: "fine",
    headline: sentence([goodOf(o).join("; ")]),
    held: taken.length === 0 ? null : sentence([taken.join("; ")]),
  };
}

/** What needs a person, most urgent first. */
function troublesOf(o: MachineOutcome): string[] {
  const sum = (of: (p: MachineOutcome["programs"][number]) => number) => o.programs.reduce((n, p) => n + of(p), 0);
  const { wrong, violations, left } = counts(o);
  const maps = o.devices.reduce((n, d) => n + d.maps, 0);
  const refused = o.devices.reduce((n, d) => n + d.failed, 0);
  const failed = sum((p) => p.failed);
  const denied = (o.iommu?.refused ?? []).reduce((n, r) => n + r.count, 0);
  const deniedDevices = [...new Set((o.iommu?.refused ?? []).map((r) => r.device))];
  const missing = sum((p) => p.requests - p.ended);
  const found: string[] = [];
  if (wrong > 0) found.push(`bytes were wrong or lost at ${plural(wrong, "place")}`);
  const strayed = o.xen?.pageLifetime?.strayed ?? 0;
  if (strayed > 0)
    found.push(
      `a device reached memory that was its domain's no more, ${strayed === 1 ? "once" : `${countWords(strayed)} times`}`,
    );
  if (violations > 0) found.push(`rules were broken ${violations === 1 ? "once" : `${countWords(violations)} times`}`);
  if (denied > 0)
    found.push(`the IOMMU refused ${plural(denied, "access", "accesses")} of ${deniedDevices.join(" and ")}`);
  if (failed > 0)
    found.push(
      `${countWords(failed)} of ${plural(
        sum((p) => p.requests),
        "request",
      )} of the programs failed`,
    );
  if (missing > 0) found.push(`${plural(missing, "request")} never ended`);
  if (refused > 0)
    found.push(`${countWords(refused)} of ${plural(maps, "mapping")} ${refused === 1 ? "was" : "were"} refused`);
  if (left > 0) found.push(`${plural(left, "thing")} ${left === 1 ? "is" : "are"} left over`);
  return found;
}

/** What can be said of a run without trouble; with some, what of it still holds. */
function goodOf(o: MachineOutcome): string[] {
  const { wrong, violations, left, bytes } = counts(o);
  const good: string[] = [];
  const which = o.programs.some((p) => p.failed > 0) ? " that arrived" : "";
  if (wrong === 0 && bytes > 0) good.push(`every one of ${countWords(bytes)} bytes${which} is what was sent`);
  if (violations === 0) good.push(o.watched ? "no rule was broken" : "the rules of the DMA API were not watched");
  if (left === 0) good.push("nothing is left over");
  return good;
}

function heldBeside(o: MachineOutcome): string | null {
  const good = [...takenOf(o), ...goodOf(o)];
  return good.length === 0 ? null : sentence([good.join("; ")]);
}

const takenOf = (o: MachineOutcome): string[] => (o.iommu?.takenAway ?? []).map(takenAwayWords);

function counts(o: MachineOutcome) {
  return {
    wrong: o.programs.reduce((n, p) => n + p.wrong.length, 0),
    bytes: o.programs.reduce((n, p) => n + p.bytesRead + p.bytesWritten, 0),
    violations: o.violationTotals.reduce((n, t) => n + t.count, 0),
    left: o.left.reduce((n, l) => n + Math.abs(l.count), 0),
  };
}
