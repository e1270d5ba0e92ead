/** `why` for log lines: which message it is, what it means here, and how often it came. */
import { type MachineContext, nothingKnown } from "./context.js";
import { explainDmaDebug } from "./dma_debug.js";
import { FaultReader } from "./faults/reader.js";
import type { Finding, Verdict } from "./finding.js";
import { FindingGroups } from "./groups.js";
import { Growth } from "./growth.js";
import { type LogLine, splitLine } from "./log_line.js";
import { explainPoolMessage } from "./pool_messages.js";
import { explainSetting } from "./setting.js";

/** What every line to be explained contains, so that the many other lines cost one search. */
const worth =
  /swiotlb|IO TLB|SW-IOMMU|DMA|DMAR|AMD-Vi|smmu|fault|overflow|suppressed|bounce|contiguous|new pool|mapping_size/i;

/**
 * Explain one line, or a few that belong together.
 * @returns nothing when the text is about something else.
 */
export function explainLine(text: string, machine: MachineContext = nothingKnown): Finding[] {
  return explainLog(text.split("\n"), machine);
}

/**
 * Explain a whole log, in the log's order. Lines of one device, cause and size class are one finding with a count.
 * Memory is bounded by the number of different findings kept (see FindingGroups).
 */
export function explainLog(lines: Iterable<string>, machine: MachineContext = nothingKnown): Finding[] {
  const groups = new FindingGroups(),
    growth = new Growth(),
    faults = new FaultReader(machine, (line, verdict) => groups.add(line, verdict));
  for (const given of lines) {
    if (!worth.test(given)) continue;
    const line = splitLine(given);
    if (line === null) continue;
    if (faults.read(line)) continue;
    groups.suppressed(line.text);
    growth.add(line);
    for (const v of verdictsOf(line, machine)) groups.add(line, v);
  }
  faults.end();
  const findings = groups.findings(growth.verdict());
  return findings.some((f) => poolKinds.has(f.kind)) ? [...findings, ...wrongSetting(machine)] : findings;
}

/** Causes that a mistake in the setting may be behind. */
const poolKinds: ReadonlySet<string> = new Set([
  "exhausted",
  "fragmented",
  "area",
  "area-too-small",
  "absent",
  "no-low-memory",
]);

/** What is wrong with the setting of the log's own command line. */
function wrongSetting(machine: MachineContext): Finding[] {
  const given = machine.setting;
  return given === null || given === "" ? [] : explainSetting(`swiotlb=${given}`, machine).filter((f) => f.trouble);
}

function verdictsOf(line: LogLine, machine: MachineContext): readonly Verdict[] {
  const pool = explainPoolMessage(line, machine);
  if (pool.length > 0) return pool;
  const one = explainDmaDebug(line.text);
  return one === null ? [] : [one];
}
