/** What the reports of `inspect` print: an inspection, and the answers to what was asked of it. */
import type { Difference } from "../../audit/inspect/difference/difference.js";
import type { DeviceReach, Finding, Inspection } from "../../audit/inspect/facts/inspection.js";
import type { Hit } from "../../audit/inspect/facts/reverse_index.js";
import type { WalkAnswer } from "../../audit/inspect/walk/walk_answer.js";

export interface InspectReport {
  readonly inspection: Inspection;
  /** Devices that are shown, as indices; every answer about others is still true. */
  readonly shown: readonly number[];
  /** Show every mapping, not the first of each device. */
  readonly everyMapping: boolean;
  /** What is not shown to be safe counts as trouble. */
  readonly strict?: boolean;
  readonly who: WhoAnswer | null;
  readonly walk: WalkAnswer | null;
  readonly diff: DiffAnswer | null;
}

/** What differs in another image. */
export interface DiffAnswer {
  readonly file: string;
  readonly difference: Difference;
  /** The other image by itself: what is wrong there, or could not be read, is no difference. */
  readonly other: InspectReport;
}

/** Who reaches one physical address. */
export interface WhoAnswer {
  readonly paddr: number;
  /** The image holds this page. */
  readonly held: boolean;
  /** What is there, where it is known to be no memory: `PCI configuration space of segment 0000`. */
  readonly place?: string | null;
  /** On x86 the address is one of interrupts: whatever is mapped there, writes raise one and reach no memory. */
  readonly isInterrupt: boolean;
  /** `device` is an index into the inspection's devices. */
  readonly hits: readonly Hit[];
}

/** Findings about shown devices, and those about none in particular. */
export function shownFindings({ inspection, shown }: InspectReport): readonly Finding[] {
  if (shown.length === inspection.devices.length) return inspection.findings;
  const wanted = new Set(shown);
  return inspection.findings.filter((f) => f.devices === undefined || f.devices.some((i) => wanted.has(i)));
}

export const permWords = ["--", "r-", "-w", "rw"] as const;

/** Translations of a device as rows. */
export interface MappingRow {
  readonly iova: number;
  readonly paddr: number;
  readonly bytes: number;
  readonly perm: (typeof permWords)[number];
}

export function* mappingRows(ranges: DeviceReach["ranges"]): Generator<MappingRow> {
  for (let row = 0; ranges !== null && row < ranges.count; row++) {
    yield {
      iova: ranges.iova[row]!,
      paddr: ranges.paddr[row]!,
      bytes: ranges.bytes[row]!,
      perm: permWords[ranges.allow[row]! & 3]!,
    };
  }
}

/** How much was shown: the weightiest of the findings that are shown. */
export type Level = "trouble" | "unproven" | "shown";

export function levelOf(report: InspectReport): Level {
  const weights = new Set(shownFindings(report).map((f) => f.weight));
  return weights.has("trouble") ? "trouble" : weights.has("unproven") ? "unproven" : "shown";
}

/**
 * 1: trouble was found, here or in the image that this one is held against, the two differ, or the address asked about
 * faults.
 */
export function exitCodeOf(report: InspectReport): 0 | 1 {
  if (report.walk !== null && report.walk.end.kind === "fault") return 1;
  const { diff } = report;
  if (diff !== null && (diff.difference.changes.length > 0 || exitCodeOf(diff.other) === 1)) return 1;
  const level = levelOf(report);
  return level === "trouble" || (report.strict === true && level === "unproven") ? 1 : 0;
}
