/** The IOMMU fault lines of a log: why each fault happened, and what to do. */
import { FaultLines, type FaultUnit, type LogFault } from "../../../read/index.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import type { LogLine } from "../log_line.js";
import { isDoorbell } from "./advice.js";
import { explainAmdvi } from "./amdvi.js";
import { explainDart, explainOnChip, explainVirtioIommu } from "./others.js";
import { explainSmmuv2 } from "./smmuv2.js";
import { explainSmmuv3 } from "./smmuv3.js";
import { explainVtd } from "./vtd.js";

const explainers: Readonly<Record<FaultUnit, (fault: LogFault, machine: MachineContext) => Diagnosis | null>> = {
  vtd: explainVtd,
  amdvi: explainAmdvi,
  smmuv3: explainSmmuv3,
  smmuv2: explainSmmuv2,
  "virtio-iommu": explainVirtioIommu,
  "apple-dart": explainDart,
  other: explainOnChip,
};

/** Verdicts kept for faults that come again, by device and for each: a storm is of few devices. */
const devicesMax = 1024;
const ofDeviceMax = 32;

interface Known {
  readonly fault: LogFault;
  readonly verdict: Diagnosis | null;
}

/** Fed with the lines of a log in order; holds at most one fault whose lines are not complete. */
export class FaultReader {
  readonly #lines: FaultLines<LogLine>;
  readonly #report: (line: LogLine, verdict: Diagnosis, address?: bigint) => void;

  /** The device that the last event of an AMD unit says did not answer. */
  #silent: string | null = null;
  readonly #known = new Map<string | number | null, Known[]>();

  /** @param report called once for each fault, with the line that it began in, and where a device wanted to go. */
  constructor(machine: MachineContext, report: (line: LogLine, verdict: Diagnosis, address?: bigint) => void) {
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

  #fault(given: LogFault, line: LogLine, machine: MachineContext): void {
    const fault = this.#withDevice(given);
    const verdict = this.#verdict(fault, machine);
    if (verdict === null) return;
    const { topic, address, interrupt } = fault;
    this.#report(line, verdict, topic === "access" && address !== null && !interrupt ? address : undefined);
  }

  /** A wait that ends without an answer, after a device did not give one: the same failure. */
  #withDevice(fault: LogFault): LogFault {
    if (fault.says === "IOTLB_INV_TIMEOUT") this.#silent = fault.device;
    else if (fault.says !== "COMPLETION_WAIT") this.#silent = null;
    return fault.says === "COMPLETION_WAIT" && this.#silent !== null ? { ...fault, device: this.#silent } : fault;
  }

  /** What is the same but for time and page is explained once: it is counted, and the first one's text is shown. */
  #verdict(fault: LogFault, machine: MachineContext): Diagnosis | null {
    const key = fault.device ?? fault.stream;
    let ofDevice = this.#known.get(key);
    if (ofDevice === undefined) {
      if (this.#known.size >= devicesMax) this.#known.clear();
      this.#known.set(key, (ofDevice = []));
    }
    for (const known of ofDevice) if (isSame(known.fault, fault)) return known.verdict;
    const { by } = fault;
    const said = explainers[fault.unit](fault, machine);
    const verdict = said !== null && said.device === undefined && by !== null ? { ...said, device: by } : said;
    if (ofDevice.length >= ofDeviceMax) ofDevice.length = 0;
    ofDevice.push({ fault, verdict });
    return verdict;
  }
}

/** The same but for time and page. */
function isSame(a: LogFault, b: LogFault): boolean {
  return (
    a.says === b.says &&
    a.unit === b.unit &&
    a.topic === b.topic &&
    a.xen === b.xen &&
    a.driver === b.driver &&
    a.device === b.device &&
    a.by === b.by &&
    a.stream === b.stream &&
    a.pasid === b.pasid &&
    a.write === b.write &&
    a.code === b.code &&
    a.flags === b.flags &&
    (a.address === null) === (b.address === null) &&
    isDoorbell(a) === isDoorbell(b) &&
    ((!hasDump(a) && !hasDump(b)) || areSame(a.values, b.values))
  );
}

function areSame(a: LogFault["values"], b: LogFault["values"]): boolean {
  return a.length === b.length && a.every(([name, value], i) => name === b[i]![0] && value === b[i]![1]);
}

/** Values that decide the verdict: dumped entries and registers of a queue. */
function hasDump(fault: LogFault): boolean {
  if (fault.topic !== "access") return true;
  if (fault.unit === "amdvi") return fault.values.some(([name]) => name.includes("."));
  return fault.unit === "vtd" ? fault.values.length > 0 : fault.unit === "smmuv2";
}
