/** A kernel log: what it says of the machine, and every line of it that concerns DMA. One pass, bounded memory. */
import { atOnce, type Paced } from "../../base/paced.js";
import { type ByteSource, memorySource } from "../bytes.js";
import { LineBlocks } from "../line_blocks.js";
import { Unreadable, type Warning, Warnings } from "../unreadable.js";
import type { LogFault } from "./faults/fault.js";
import { FaultLines } from "./faults/fault_lines.js";
import { findingOf, type LogFinding } from "./finding.js";
import { lineMax, splitLogLine } from "./log_line.js";
import { MachineFacts, settingOf } from "./machine_facts.js";

export interface KernelLog {
  /** Release ("7.2.13+deb14-amd64"); null when the log does not begin with the boot. */
  readonly kernel: string | null;
  /** "x86_64", "aarch64", ... as the compiler's name in the first line tells. */
  readonly architecture: string | null;
  readonly commandLine: string | null;
  /** Value of the last `swiotlb=` of the command line; "" when there is a command line without it. */
  readonly swiotlb: string | null;
  /** Possible CPUs, and those brought up at boot. */
  readonly cpus: number | null;
  readonly cpusOnline: number | null;
  readonly memoryBytes: number | null;
  /** Bytes of the kernel's page; null where no line tells. */
  readonly pageBytes: number | null;
  /** Areas of the pool, and its bounds in bytes, [from, to). */
  readonly areas: number | null;
  readonly pool: { readonly from: number; readonly to: number } | null;
  /** True under Xen; `xenMode` is "PV", "PVH", "HVM" or "Arm". */
  readonly xen: boolean;
  readonly xenMode: string | null;
  readonly hypervisor: string | null;
  /** IOMMUs that the kernel found: "vtd", "amdvi", "smmuv3", "smmu", "virtio_iommu", ... */
  readonly iommus: readonly string[];
  readonly iommuDefault: string | null;
  /** "strict" or "lazy", and the line that says so. */
  readonly iommuPolicy: string | null;
  readonly iommuPolicyLine: string | null;
  /** Memory that host bridges pass to PCI devices, [from, to); and the number of each device's group, by its name. */
  readonly hostWindows: readonly { readonly from: number; readonly to: number }[];
  readonly iommuGroups: ReadonlyMap<string, number>;
  /** Driver of a device by its name ("0000:00:03.0"). */
  readonly drivers: ReadonlyMap<string, string>;
  /** Lines that concern DMA, in order; the first 10000 of them, `findingsTotal` counts all. */
  readonly findings: readonly LogFinding[];
  readonly findingsTotal: number;
  /** Refused accesses of devices as IOMMUs report them, in order; the first 10000. */
  readonly faults: readonly LogFault[];
  /** Lines read, and those that are the kernel's by their own mark. */
  readonly linesTotal: number;
  readonly linesMarked: number;
  readonly warnings: readonly Warning[];
}

const findingsMax = 10_000;

/**
 * Read a kernel log in any of the forms in which logs are kept.
 *
 * @param source the log, or its text.
 * @throws Unreadable for an empty one and for bytes that are no text.
 */
export function readKernelLog(source: ByteSource | string): KernelLog {
  return atOnce(readingKernelLog(source));
}

/** The same, with a stop now and then. */
export function* readingKernelLog(source: ByteSource | string): Paced<KernelLog> {
  const from = typeof source === "string" ? memorySource("log", new TextEncoder().encode(source)) : source;
  const reading = new Reading();
  const blocks = new LineBlocks(from);
  const decoder = new TextDecoder();
  while (blocks.next()) {
    const { bytes, to } = blocks;
    for (let at = blocks.from; at < to; ) {
      const end = bytes.indexOf(10, at);
      reading.line(decoder.decode(bytes.subarray(at, Math.min(end, at + lineMax))));
      at = end + 1;
    }
    if (reading.binary) break;
    yield blocks.progress;
  }
  if (reading.binary)
    throw new Unreadable(from.name, `line ${reading.lines}`, "a kernel log", "bytes that are no text");
  if (reading.lines === 0) throw new Unreadable(from.name, "", "a kernel log", "an empty file");
  return reading.result(blocks.dropped);
}

class Reading {
  lines = 0;
  /** A NUL that is not the journal's padding: no text at all. */
  binary = false;
  readonly #facts = new MachineFacts();
  readonly #findings: LogFinding[] = [];
  readonly #warnings = new Warnings();
  readonly #faults: LogFault[] = [];
  readonly #faultLines = new FaultLines<null>((fault) => {
    if (fault.topic === "access" && this.#faults.length < findingsMax) this.#faults.push(fault);
  });
  #findingsTotal = 0;
  #marked = 0;

  line(text: string): void {
    this.lines++;
    if (/\0[^\0]/.test(text.slice(0, 512))) {
      this.binary = true;
      return;
    }
    const raw = text.trimEnd();
    if (raw === "") return;
    const line = splitLogLine(raw);
    if (line === null) return;
    if (line.marked) this.#marked++;
    this.#facts.read(line.message);
    this.#faultLines.read(line.message, line.time, null);
    const finding = findingOf(line, this.lines, raw);
    if (finding === null) return;
    if (this.#findingsTotal++ < findingsMax) this.#findings.push(finding);
  }

  result(dropped: number): KernelLog {
    const facts = this.#facts;
    this.#faultLines.end();
    if (dropped > 0) this.#warnings.add("", `${dropped} bytes left out: lines longer than a megabyte`);
    if (this.#findingsTotal > findingsMax) {
      this.#warnings.add("", `${this.#findingsTotal} lines concern DMA: the first ${findingsMax} kept`);
    }
    const {
      kernel,
      architecture,
      commandLine,
      cpus,
      cpusOnline,
      memoryBytes,
      pageBytes,
      xenMode,
      hypervisor,
      drivers,
    } = facts;
    return {
      ...{ kernel, architecture, commandLine, cpus, cpusOnline, memoryBytes, pageBytes, xenMode, hypervisor, drivers },
      swiotlb: commandLine === null ? null : settingOf(commandLine),
      areas: facts.areas,
      pool: facts.pool,
      xen: xenMode !== null,
      iommus: [...facts.iommus],
      iommuDefault: facts.iommuDefault,
      iommuPolicy: facts.iommuPolicy,
      iommuPolicyLine: facts.iommuPolicyLine,
      hostWindows: facts.hostWindows,
      iommuGroups: facts.iommuGroups,
      findings: this.#findings,
      findingsTotal: this.#findingsTotal,
      faults: this.#faults,
      linesTotal: this.lines,
      linesMarked: this.#marked,
      warnings: this.#warnings.list,
    };
  }
}
