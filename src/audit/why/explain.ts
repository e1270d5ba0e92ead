/** `why` for log lines: which message it is, what it means here, and how often it came. */
import { explainAmdvi } from "./amdvi_fault.js";
import { type MachineContext, nothingKnown } from "./context.js";
import { explainDmaDebug } from "./dma_debug.js";
import { type DmarRequest, dmarReason, dmarRequest, explainDmar, explainDmarStatus } from "./dmar_fault.js";
import type { Finding, Verdict } from "./finding.js";
import { FindingGroups } from "./groups.js";
import { Growth } from "./growth.js";
import { type LogLine, splitLine } from "./log_line.js";
import { explainPoolMessage } from "./pool_messages.js";
import { explainSetting } from "./setting.js";
import { explainSmmuLine, explainSmmuRecord, smmuRecordBegin, smmuRecordWord, smmuTried } from "./smmu_fault.js";

/** What every line to be explained contains, so that the many other lines cost one search. */
const worth =
  /swiotlb|IO TLB|SW-IOMMU|DMA|DMAR|AMD-Vi|smmu|fault|overflow|suppressed|bounce|contiguous|new pool|mapping_size/i;

/** A fault that goes on in the next lines. */
type Open =
  | { readonly is: "dmar"; readonly line: LogLine; readonly request: DmarRequest }
  | {
      readonly is: "smmu";
      readonly line: LogLine;
      readonly code: number;
      readonly words: (readonly [number, number])[];
    };

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
    growth = new Growth();
  let open: Open | null = null;
  for (const given of lines) {
    if (!worth.test(given)) continue;
    const line = splitLine(given);
    if (line === null) continue;
    if (open !== null) {
      const rest = continued(open, line, groups);
      open = rest.open;
      if (rest.taken) continue;
    }
    open = opened(line);
    if (open !== null) continue;
    groups.suppressed(line.text);
    growth.add(line);
    for (const v of verdictsOf(line, machine)) groups.add(line, v);
  }
  if (open !== null) close(open, groups);
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
  const one =
    explainAmdvi(line.text) ??
    explainSmmuLine(line.text) ??
    explainDmarStatus(line.text) ??
    explainDmaDebug(line.text) ??
    dmarReasonAlone(line.text);
  return one === null ? [] : [one];
}

function opened(line: LogLine): Open | null {
  const request = dmarRequest(line.text);
  if (request !== null && dmarReason(line.text) === null) return { is: "dmar", line, request };
  const code = smmuRecordBegin(line.text);
  return code === null ? null : { is: "smmu", line, code, words: [] };
}

/** Feed a line to a fault that was begun. `taken` when the line was part of it. */
function continued(open: Open, line: LogLine, groups: FindingGroups): { open: Open | null; taken: boolean } {
  if (open.is === "dmar") {
    const code = dmarRequest(line.text) === null ? dmarReason(line.text) : null;
    if (code === null) {
      close(open, groups);
      return { open: null, taken: false };
    }
    groups.add(open.line, explainDmar(open.request, code));
    return { open: null, taken: true };
  }
  const word = smmuRecordWord(line.text);
  if (word !== null && open.words.length < 4) {
    open.words.push(word);
    return { open, taken: true };
  }
  // The kernel's own decoding of the record just read: the same fault with the device's name.
  const decoded = explainSmmuLine(line.text);
  if (decoded !== null) {
    groups.add(open.line, merged(explainSmmuRecord(open.code, open.words), decoded));
    return { open: null, taken: true };
  }
  close(open, groups);
  return { open: null, taken: smmuTried(line.text) !== null };
}

function merged(record: Verdict, decoded: Verdict): Verdict {
  const device = decoded.device ?? record.device;
  return {
    ...record,
    ...(device === undefined ? {} : { device }),
    evidence: `${decoded.evidence}; ${record.evidence}`,
  };
}

function close(open: Open, groups: FindingGroups): void {
  groups.add(
    open.line,
    open.is === "dmar" ? explainDmar(open.request, null) : explainSmmuRecord(open.code, open.words),
  );
}

/** A one-line fault, or the reason's half of a two-line one whose first half is not there. */
function dmarReasonAlone(text: string): Verdict | null {
  const code = dmarReason(text);
  return code === null ? null : explainDmar(dmarRequest(text), code);
}
