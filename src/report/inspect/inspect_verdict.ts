/** An inspection in one sentence. */
import type { DeviceReach, Inspection } from "../../audit/reach/inspection.js";
import { bytesWords, plural } from "../words/quantity.js";
import { type InspectReport, type Level, levelOf, shownFindings } from "./inspect_report.js";

export interface InspectVerdict {
  readonly level: Level;
  readonly words: string;
}

export function inspectVerdict(report: InspectReport): InspectVerdict {
  const level = levelOf(report);
  const sums = sumsOf(report);
  return {
    level,
    words: `${headOf(report, level)}${sums.length === 0 ? "no device reaches anything" : sums.join(", ")}.`,
  };
}

function headOf(report: InspectReport, level: Level): string {
  if (level === "shown") return "";
  const count = shownFindings(report).filter((f) => f.weight === level).length;
  return level === "trouble"
    ? `${plural(count, "trouble")}: `
    : `Not shown to be safe, for ${plural(count, "reason")}: `;
}

function sumsOf({ inspection, shown }: InspectReport): string[] {
  const devices = shown.map((i) => inspection.devices[i]!);
  const open = devices.filter((d) => (d.state === "identity" || d.state === "bypass") && d.allow !== 0).length;
  const confined = devices.filter((d) => d.state === "translated");
  const off = inspection.units.filter((u) => u.translating === false && u.abilities?.abortsWhenOff !== true).length;
  const unread = inspection.unreadUnits ?? [];
  return [
    ...(confined.length === 0 ? [] : [confinedWords(inspection, confined)]),
    ...(open === 0 ? [] : [`${plural(open, "device")} ${open === 1 ? "reaches" : "reach"} all of memory`]),
    ...(off === 0
      ? []
      : [`what is behind ${off === 1 ? "a unit that is" : `${off} units that are`} off reaches all of memory`]),
    ...(unread.length === 0 ? [] : [`nothing is known of ${unitNames(unread)}`]),
  ];
}

/** Where nobody knows whether the unit translates, its tables say what would be. */
function confinedWords({ units }: Inspection, devices: readonly DeviceReach[]): string {
  const tables = new Set(devices.map((d) => d.ranges!));
  const bytes = [...tables].reduce((sum, r) => sum + r.byteCount, 0);
  const isSure = devices.every((d) => units[d.unit]!.translating === true);
  const are = isSure ? (devices.length === 1 ? "is" : "are") : "would be";
  return `${plural(devices.length, "device")} ${are} confined to ${bytesWords(bytes)}`;
}

const unitNames = (units: readonly number[]) =>
  units.length === 1 ? `unit ${units[0]}` : `${units.length} units, the first of them unit ${units[0]}`;

/** `elf64 of x86-64, 256 MiB of memory`. */
export const imageWords = ({ format, machine, bytes }: Inspection["source"]): string =>
  `${format}${machine === null ? "" : ` of ${machine}`}, ${bytesWords(bytes)} of memory`;
