/** An inspection in one sentence. */
import type { DeviceReach, Inspection } from "../../audit/inspect/facts/inspection.js";
import { type Reached, reachedBy } from "../../audit/inspect/facts/reached.js";
import { plural } from "../../base/count_words.js";
import { bytesWords, shareWords } from "../words/quantity.js";
import { type InspectReport, type Level, levelOf, shownFindings } from "./inspect_report.js";

export interface InspectVerdict {
  readonly level: Level;
  readonly words: string;
  /** What the tables of the devices lead to. */
  readonly reached: Reached;
  /** Bytes of RAM that the machine has; null: the image does not show it. */
  readonly ramTotal: number | null;
}

export function inspectVerdict(report: InspectReport): InspectVerdict {
  const { inspection, shown } = report;
  const level = levelOf(report);
  const tables = shown.flatMap((i) => inspection.devices[i]!.ranges ?? []);
  const ram = inspection.source.ram ?? null;
  const memory = {
    reached: reachedBy(tables, ram),
    ramTotal: ram === null ? null : ram.reduce((sum, r) => sum + r.to - r.from, 0),
  };
  const sums = sumsOf(report, memory);
  const words = `${headOf(report, level)}${sums.length === 0 ? emptyWords(inspection) : sums.join(", ")}.`;
  return { level, words, ...memory };
}

function headOf(report: InspectReport, level: Level): string {
  if (level === "shown") return "";
  const count = shownFindings(report).filter((f) => f.weight === level).length;
  return level === "trouble"
    ? `${plural(count, "trouble")}: `
    : `Not shown to be safe, for ${plural(count, "reason")}: `;
}

/** A table that names nobody is no proof that nobody passes: AMD-Vi lets through whose entry is zeros. */
const emptyWords = ({ findings }: Inspection): string =>
  findings.some((f) => f.rule === "empty-table") ? "the tables name no device" : "no device reaches anything";

type Memory = Pick<InspectVerdict, "reached" | "ramTotal">;

function sumsOf({ inspection, shown }: InspectReport, memory: Memory): string[] {
  const devices = shown.map((i) => inspection.devices[i]!);
  const open = devices.filter((d) => (d.state === "identity" || d.state === "bypass") && d.allow !== 0).length;
  const confined = devices.filter((d) => d.state === "translated");
  const off = inspection.units.filter((u) => u.translating === false && u.abilities?.abortsWhenOff !== true).length;
  const unread = inspection.unreadUnits ?? [];
  if (inspection.units.length === 0) {
    const isNone = inspection.findings.some((f) => f.rule === "no-unit");
    return [isNone ? "no IOMMU stands between devices and memory" : "no IOMMU whose tables are read is here"];
  }
  return [
    ...(confined.length === 0 ? [] : [confinedWords(inspection, confined, memory)]),
    ...(open === 0 ? [] : [`${plural(open, "device")} ${open === 1 ? "reaches" : "reach"} all of memory`]),
    ...(off === 0
      ? []
      : [`what is behind ${off === 1 ? "a unit that is" : `${off} units that are`} off reaches all of memory`]),
    ...(unread.length === 0 ? [] : [`nothing is known of ${unitNames(unread)}`]),
  ];
}

/** Where nobody knows whether the unit translates, its tables say what would be. */
function confinedWords({ units }: Inspection, devices: readonly DeviceReach[], memory: Memory): string {
  const isSure = devices.every((d) => units[d.unit]!.translating === true);
  const are = isSure ? (devices.length === 1 ? "is" : "are") : "would be";
  return `${plural(devices.length, "device")} ${are} confined to ${memoryWords(memory)}`;
}

/** `230 of 448 MiB of RAM (51 %) and 256 MiB that is no RAM`; without knowledge of RAM, what is mapped. */
function memoryWords({ reached: { addresses, distinct, ram }, ramTotal }: Memory): string {
  const isTwice = addresses > distinct;
  if (ram === null || ramTotal === null) {
    return `${bytesWords(addresses)}${isTwice ? ` of addresses, which lead to ${bytesWords(distinct)} of memory` : ""}`;
  }
  const again = isTwice ? `, mapped at ${bytesWords(addresses)} of addresses` : "";
  const other = distinct > ram ? ` and ${bytesWords(distinct - ram)} that is no RAM` : "";
  return `${partWords(ram, ramTotal)} of RAM (${percentWords(ram, ramTotal)})${other}${again}`;
}

/** `230 of 448 MiB`, `20 KiB of 1 GiB`. */
function partWords(part: number, whole: number): string {
  const [a, b] = [bytesWords(part), bytesWords(whole)];
  const [number, unit] = a.split(" ");
  return `${b.endsWith(` ${unit}`) ? number : a} of ${b}`;
}

/** Whole percents from ten on. */
const percentWords = (part: number, whole: number): string =>
  part * 10 >= whole && part < whole ? `${Math.min(99, Math.round((part / whole) * 100))} %` : shareWords(part, whole);

const unitNames = (units: readonly number[]) =>
  units.length === 1 ? `unit ${units[0]}` : `${units.length} units, the first of them unit ${units[0]}`;

/** `elf64 of x86-64, 256 MiB of memory`. */
export const imageWords = ({ format, machine, bytes }: Inspection["source"]): string =>
  `${format}${machine === null ? "" : ` of ${machine}`}, ${bytesWords(bytes)} of memory`;
