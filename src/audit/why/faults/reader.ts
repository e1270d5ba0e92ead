/** The IOMMU fault lines of a log: why each fault happened, and what to do. */
import { FaultLines, type FaultUnit, type LogFault } from "../../../read/index.js";
import type { MachineContext } from "../context.js";
import type { Verdict } from "../finding.js";
import type { LogLine } from "../log_line.js";
import { explainAmdvi } from "./amdvi.js";
import { explainDart, explainOnChip, explainVirtioIommu } from "./others.js";
import { explainSmmuv2 } from "./smmuv2.js";
import { explainSmmuv3 } from "./smmuv3.js";
import { explainVtd } from "./vtd.js";

const explainers: Readonly<Record<FaultUnit, (fault: LogFault, machine: MachineContext) => Verdict | null>> = {
  vtd: explainVtd,
  amdvi: explainAmdvi,
  smmuv3: explainSmmuv3,
  smmuv2: explainSmmuv2,
  "virtio-iommu": explainVirtioIommu,
  "apple-dart": explainDart,
  other: explainOnChip,
};

/** Fed with the lines of a log in order; holds at most one fault whose lines are not complete. */
export class FaultReader {
  readonly #lines: FaultLines<LogLine>;
  readonly #report: (line: LogLine, verdict: Verdict) => void;

  /** @param report called once for each fault, with the line that it began in. */
  constructor(machine: MachineContext, report: (line: LogLine, verdict: Verdict) => void) {
    this.#report = report;
    this.#lines = new FaultLines((fault, line) => this.#fault(fault, line, machine));
  }

  /** @returns true when the line is part of a fault, and nobody else has to look at it. */
  read(line: LogLine): boolean {
    return this.#lines.read(line.text, line.time === null ? null : line.time * 1e6, line);
  }

  /** The log is over: a fault that lacks lines is reported with those that it has. */
  end(): void {
    this.#lines.end();
  }

  #fault(fault: LogFault, line: LogLine, machine: MachineContext): void {
    const verdict = explainers[fault.unit](fault, machine);
    if (verdict === null) return;
    const { topic, address, interrupt } = fault;
    this.#report(line, topic === "access" && address !== null && !interrupt ? { ...verdict, address } : verdict);
  }
}
