/** An inspection in one sentence. */
import type { Inspection } from "../../audit/reach/inspection.js";
import { bytesWords, plural } from "../words/quantity.js";
import { type InspectReport, shownFindings } from "./inspect_report.js";

export interface InspectVerdict {
  /** No trouble was found. */
  readonly fine: boolean;
  readonly words: string;
}

export function inspectVerdict(report: InspectReport): InspectVerdict {
  const devices = report.shown.map((i) => report.inspection.devices[i]!);
  const troubles = shownFindings(report).filter((f) => f.weight === "trouble").length;
  const open = devices.filter((d) => (d.state === "identity" || d.state === "bypass") && d.allow !== 0).length;
  const confined = devices.filter((d) => d.state === "translated").length;
  const off = report.inspection.units.filter(
    (u) => u.translating === false && u.abilities?.abortsWhenOff !== true,
  ).length;
  const unread = report.inspection.unreadUnits ?? [];
  const reached = new Set(devices.map((d) => d.ranges).filter((r) => r !== null));
  const bytes = [...reached].reduce((sum, r) => sum + r.byteCount, 0);
  const sums = [
    ...(confined === 0
      ? []
      : [`${plural(confined, "device")} ${confined === 1 ? "is" : "are"} confined to ${bytesWords(bytes)}`]),
    ...(open === 0 ? [] : [`${plural(open, "device")} ${open === 1 ? "reaches" : "reach"} all of memory`]),
    ...(off === 0
      ? []
      : [`what is behind ${off === 1 ? "a unit that is" : `${off} units that are`} off reaches all of memory`]),
    ...(unread.length === 0 ? [] : [`nothing is known of ${unitNames(unread)}`]),
    ...(confined + open + off + unread.length === 0 ? ["no device reaches anything"] : []),
  ];
  const words = `${troubles === 0 ? "" : `${plural(troubles, "trouble")}: `}${sums.join(", ")}.`;
  return { fine: troubles === 0 && unread.length === 0, words };
}

const unitNames = (units: readonly number[]) =>
  units.length === 1 ? `unit ${units[0]}` : `${units.length} units, the first of them unit ${units[0]}`;

/** `elf64 of x86-64, 256 MiB of memory`. */
export const imageWords = ({ format, machine, bytes }: Inspection["source"]): string =>
  `${format}${machine === null ? "" : ` of ${machine}`}, ${bytesWords(bytes)} of memory`;
