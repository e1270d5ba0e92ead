/** `why` for log lines: which message it is, what it means here, and how often it came. */
import { atOnce, type Paced } from "../../../base/paced.js";
import type { ByteSource } from "../../../read/bytes.js";
import { MachineFacts, machineMarks, unitMarks } from "../../../read/kernel_log/machine_facts.js";
import { MarkedLines, readingMarkedLines } from "../../../read/kernel_log/marked_lines.js";
import { type MachineContext, machineOf, nothingKnown } from "../context.js";
import { FaultReader } from "../faults/reader.js";
import type { Diagnosis, Finding } from "../finding.js";
import { type LogLine, splitLine } from "../log_line.js";
import { explainDmaDebug } from "../messages/dma_debug.js";
import { explainUnit } from "../messages/units.js";
import { Growth } from "../pool/growth.js";
import { explainPoolMessage } from "../pool/pool_messages.js";
import { explainSetting } from "../pool/setting.js";
import { FindingGroups } from "./groups.js";
import { isOurs, suppressedByXen, suppressedIn } from "./suppressed.js";
import { explainNothing } from "./unexplained.js";

/** What every line to be explained contains. The fewer the words, the faster they are looked for. */
const worth =
  /swiotlb|IO TLB|SWIOTLB|IOMMU|DMA|AMD-Vi|VT-[Dd]|INTR-REMAP|smmu|SMMU|iommu|-dart|fault|FAULT|overflow|suppressed|mapping_size|device=|reason |BIOS|IVRS|IVHD|only able/;

/** The same of lines that carry none of those: events and tables that a hypervisor or a kernel prints on their own. */
const alsoWorth =
  /_DEV_REQUEST |_HW_ERROR |_COMMAND_ERROR |_INV_TIMEOUT |DEV_TABLE_ENTRY |decode error|root_entry|context\[| root @ |\b[lL][1-6]\[[0-9a-f]{3}\]/;

/** What the lines of a flood contain, which say nothing of the machine. */
const flood = /buffer is full|Event logged|Request device|DMA-API: /;

/** What few lines carry is looked for at once, and told apart in the line. */
const marks = [worth, new RegExp(`${alsoWorth.source}|${machineMarks.source}`)];
const Mark = { worth: 1, rare: 2 } as const;

/** Lines that wait until the whole log has said what the machine is; beyond them what is known by then has to do. */
const heldMax = 1 << 15;

/**
 * Explain one line, or a few that belong together.
 * @returns nothing when the text is about something else.
 */
export function explainLine(text: string, machine: Partial<MachineContext> = {}): Finding[] {
  return explainLog(text.split("\n"), machine);
}

/**
 * Explain a whole log, in the log's order. Lines of one device that the same remedy cures are one finding with a count.
 * Memory is bounded by the lines held (see `heldMax`) and the different findings kept (see FindingGroups).
 * @param machine what is known beside the log; what the log itself says of the machine is read from it.
 */
export function explainLog(lines: Iterable<string>, machine: Partial<MachineContext> = {}): Finding[] {
  const explainer = new Explainer(machine);
  const marked = new MarkedLines(marks, (line, carried) => explainer.line(line, carried));
  for (const line of lines) marked.line(line);
  marked.close();
  return explainer.findings();
}

/**
 * The same of bytes, which are read once.
 * @throws Unreadable for an empty source and for bytes that are no text.
 */
export function explainSource(source: ByteSource, machine: Partial<MachineContext> = {}): Finding[] {
  return atOnce(explainingSource(source, machine));
}

/** The same, with a stop now and then. */
export function* explainingSource(source: ByteSource, machine: Partial<MachineContext> = {}): Paced<Finding[]> {
  const explainer = new Explainer(machine);
  yield* readingMarkedLines(source, marks, (line, carried) => explainer.line(line, carried));
  return explainer.findings();
}

/** The boots of a log one after the other: what a boot says of its machine counts for its own lines. */
class Explainer {
  readonly #given: Partial<MachineContext>;
  readonly #groups = new FindingGroups();
  /** Settings of the boots in which a pool failed. */
  readonly #settings = new Map<string, MachineContext>();
  #boot: Boot;
  #growth: ReturnType<Growth["verdict"]> = null;

  constructor(given: Partial<MachineContext>) {
    this.#given = given;
    this.#boot = new Boot(given, this.#groups);
  }

  /** @param carried the line's marks, of `marks` */
  line(given: string, carried: number): void {
    if ((carried & Mark.rare) !== 0 && this.#boot.hasBegun && given.includes("Linux version ") && isFirstOfBoot(given))
      this.#next();
    this.#boot.line(given, carried);
  }

  findings(): Finding[] {
    this.#next();
    const findings = this.#groups.findings(this.#growth);
    const settings = [...this.#settings].flatMap(([setting, machine]) => explainSetting(`swiotlb=${setting}`, machine));
    return [...findings, ...settings.filter((f) => f.trouble)];
  }

  #next(): void {
    const { machine, hasPoolTrouble } = this.#boot.end();
    if (hasPoolTrouble && machine.setting !== null && machine.setting !== "") {
      this.#settings.set(machine.setting, machine);
    }
    this.#growth ??= this.#boot.growth.verdict();
    this.#boot = new Boot(this.#given, this.#groups);
  }
}

const isFirstOfBoot = (given: string): boolean => splitLine(given)?.text.startsWith("Linux version ") === true;

class Boot {
  readonly growth = new Growth();
  readonly #given: Partial<MachineContext>;
  readonly #groups: FindingGroups;
  readonly #facts = new MachineFacts();
  /** Lines to be explained later; null once that began. */
  #held: string[] | null = [];
  #machine: MachineContext = nothingKnown;
  #faults: FaultReader | null = null;
  #hasPoolTrouble = false;

  constructor(given: Partial<MachineContext>, groups: FindingGroups) {
    this.#given = given;
    this.#groups = groups;
  }

  /** True once its first line, with the kernel's release, was read. */
  get hasBegun(): boolean {
    return this.#facts.kernel !== null;
  }

  line(given: string, carried: number): void {
    const isFlood = flood.test(given);
    const isRare = (carried & Mark.rare) !== 0;
    const isWorth = isFlood || (carried & Mark.worth) !== 0 || (isRare && alsoWorth.test(given)),
      ofMachine = !isFlood && isRare && machineMarks.test(given);
    if (ofMachine || (isWorth && !isFlood && unitMarks.test(given))) {
      const line = splitLine(given);
      if (line !== null) this.#facts.readMachine(line.text);
    }
    // A line that carries neither mark goes with the one before.
    if (ofMachine && !isWorth) return;
    if (this.#held === null) this.#explain(given);
    else if (this.#held.push(given) >= heldMax) this.#explainHeld();
  }

  end(): { readonly machine: MachineContext; readonly hasPoolTrouble: boolean } {
    this.#explainHeld();
    this.#faults?.end();
    return { machine: this.#machine, hasPoolTrouble: this.#hasPoolTrouble };
  }

  #explainHeld(): void {
    if (this.#held === null) return;
    const held = this.#held;
    this.#held = null;
    this.#machine = machineOf(this.#facts, this.#given);
    this.#faults = new FaultReader(this.#machine, (line, verdict, address) => this.#groups.add(line, verdict, address));
    for (const line of held) this.#explain(line);
  }

  #explain(given: string): void {
    const line = splitLine(given);
    if (line === null) return;
    const { text } = line;
    if (!noFault.test(text) && this.#faults!.read(line)) return;
    if (text.includes("suppressed") && this.#suppressed(line, given)) return;
    this.growth.add(line);
    for (const v of verdictsOf(line, this.#machine)) {
      this.#groups.add(line, v);
      this.#hasPoolTrouble ||= poolKinds.has(v.kind);
    }
  }

  /** @returns true for a line that counts others that were left out. */
  #suppressed(line: LogLine, given: string): boolean {
    const byXen = line.text.includes("messages suppressed") ? suppressedByXen(given) : null;
    const left = byXen === null ? suppressedIn(line.text) : null;
    if (byXen !== null) this.#groups.suppressedByXen(byXen);
    else if (left !== null && isOurs(left.name)) this.#groups.suppressed(line, left.name, left.count);
    return byXen !== null || left !== null;
  }
}

/** Lines that are never part of an IOMMU's fault. */
const noFault = /swiotlb buffer is full|DMA-API: |SW-IOMMU|software IO TLB/;

/** Causes that a mistake in the setting may be behind: what is wrong with the log's own is told beside them. */
const poolKinds: ReadonlySet<string> = new Set([
  ...["exhausted", "fragmented", "area", "area-too-small", "absent", "no-low-memory", "unknown-occupancy"],
]);

function verdictsOf(line: LogLine, machine: MachineContext): readonly Diagnosis[] {
  const pool = explainPoolMessage(line, machine);
  if (pool.length > 0) return pool;
  const one = explainDmaDebug(line.text) ?? explainUnit(line.text) ?? explainNothing(line);
  return one === null ? [] : [one];
}
