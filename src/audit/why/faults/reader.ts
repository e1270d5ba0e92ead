/** The IOMMU fault lines of a log: which lines belong together, and why the fault happened. */
import type { MachineContext } from "../context.js";
import type { Verdict } from "../finding.js";
import type { LogLine } from "../log_line.js";
import { explainAmdvi } from "./amdvi.js";
import { type DmarRequest, dmarReason, dmarRequest, explainDmar, explainDmarStatus } from "./dmar.js";
import { explainSmmuLine, explainSmmuRecord, smmuRecordBegin, smmuRecordWord, smmuTried } from "./smmuv3.js";

/** A fault that goes on in the next lines. */
type Open =
  | { readonly is: "dmar"; readonly line: LogLine; readonly request: DmarRequest }
  | {
      readonly is: "smmu";
      readonly line: LogLine;
      readonly code: number;
      readonly words: (readonly [number, number])[];
    };

/** Fed with the lines of a log in order; holds at most one fault whose lines are not complete. */
export class FaultReader {
  readonly machine: MachineContext;
  readonly report: (line: LogLine, verdict: Verdict) => void;
  #open: Open | null = null;

  /** @param report called once for each fault, with the line that it began in. */
  constructor(machine: MachineContext, report: (line: LogLine, verdict: Verdict) => void) {
    this.machine = machine;
    this.report = report;
  }

  /** @returns true when the line is part of a fault, and nobody else has to look at it. */
  read(line: LogLine): boolean {
    if (this.#open !== null && this.#continued(this.#open, line)) return true;
    this.#open = opened(line);
    if (this.#open !== null) return true;
    const verdict =
      explainAmdvi(line.text) ??
      explainSmmuLine(line.text) ??
      explainDmarStatus(line.text) ??
      dmarReasonAlone(line.text);
    if (verdict === null) return false;
    this.report(line, verdict);
    return true;
  }

  /** The log is over: a fault that lacks lines is reported with those that it has. */
  end(): void {
    if (this.#open !== null) this.#close(this.#open);
    this.#open = null;
  }

  /** Feed a line to a fault that was begun. @returns true when the line was part of it. */
  #continued(open: Open, line: LogLine): boolean {
    if (open.is === "dmar") {
      const code = dmarRequest(line.text) === null ? dmarReason(line.text) : null;
      if (code === null) this.#close(open);
      else this.report(open.line, explainDmar(open.request, code));
      this.#open = null;
      return code !== null;
    }
    const word = smmuRecordWord(line.text);
    if (word !== null && open.words.length < 4) {
      open.words.push(word);
      return true;
    }
    this.#open = null;
    // The kernel's own decoding of the record just read: the same fault with the device's name.
    const decoded = explainSmmuLine(line.text);
    if (decoded !== null) {
      this.report(open.line, merged(explainSmmuRecord(open.code, open.words), decoded));
      return true;
    }
    this.#close(open);
    return smmuTried(line.text) !== null;
  }

  #close(open: Open): void {
    this.report(
      open.line,
      open.is === "dmar" ? explainDmar(open.request, null) : explainSmmuRecord(open.code, open.words),
    );
  }
}

function opened(line: LogLine): Open | null {
  const request = dmarRequest(line.text);
  if (request !== null && dmarReason(line.text) === null) return { is: "dmar", line, request };
  const code = smmuRecordBegin(line.text);
  return code === null ? null : { is: "smmu", line, code, words: [] };
}

function merged(record: Verdict, decoded: Verdict): Verdict {
  const device = decoded.device ?? record.device;
  return {
    ...record,
    ...(device === undefined ? {} : { device }),
    evidence: `${decoded.evidence}; ${record.evidence}`,
  };
}

/** A one-line fault, or the reason's half of a two-line one whose first half is not there. */
function dmarReasonAlone(text: string): Verdict | null {
  const code = dmarReason(text);
  return code === null ? null : explainDmar(dmarRequest(text), code);
}
