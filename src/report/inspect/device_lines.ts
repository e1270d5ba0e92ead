/** Units, devices and mappings as tables. */

import { deviceName } from "../../audit/inspect/device_name.js";
import type { DeviceReach } from "../../audit/inspect/facts/inspection.js";
import { countWords, plural } from "../../base/count_words.js";
import { hex } from "../../base/hex.js";
import type { Ranges } from "../../table/ranges.js";
import { type Column, table } from "../text/layout.js";
import type { Style } from "../text/style.js";
import { bytesWords } from "../words/quantity.js";
import { type InspectReport, mappingRows, permWords } from "./inspect_report.js";
import { memoryCounter } from "./words.js";

const unitColumns: readonly Column[] = [
  { title: "unit", align: "left" },
  { title: "mode", align: "left" },
  { title: "tables at", align: "left" },
  { title: "found by", align: "left" },
  { title: "translates", align: "left" },
  { title: "interrupts", align: "left", spare: 1 },
];

export function unitLines({ inspection }: InspectReport, style: Style, width: number): string[] {
  const known = (value: boolean | null, yes: string, no: string) => (value === null ? "unknown" : value ? yes : no);
  const rows = inspection.units.map((u, i) => [
    u.name == null ? `${i} ${u.kind}` : `${i} ${u.kind}, ${u.name}`,
    u.mode,
    // A unit that was never set up holds zeros.
    u.root === 0 && u.translating === false ? "none" : hex(u.root),
    u.found,
    known(u.translating, "yes", "no"),
    // AMD-Vi has no switch for all: a device's own entry decides, and a finding says for whom.
    u.kind === "amdvi" ? "by device" : known(u.interruptRemapping, "remapped", "as they are"),
  ]);
  return [style.bold("Units"), ...(rows.length === 0 ? ["  none is read"] : table(unitColumns, rows, width))];
}

const deviceColumns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "PASID", align: "right", spare: 1 },
  { title: "state", align: "left" },
  { title: "stage", align: "left", spare: 2 },
  { title: "domain", align: "right", spare: 3 },
  { title: "ATS", align: "left", spare: 4 },
  { title: "leaves", align: "right" },
  { title: "ranges", align: "right", spare: 5 },
  { title: "addresses", align: "right", spare: 6 },
  { title: "memory", align: "right" },
];

/** Devices that are blocked one after the other take one line. */
export function deviceLines(report: InspectReport, style: Style, width: number): string[] {
  const devices = report.shown.map((i) => report.inspection.devices[i]!);
  const rows: string[][] = [];
  const memoryOf = memoryCounter();
  for (let i = 0; i < devices.length; ) {
    let end = i + 1;
    while (end < devices.length && alike(devices[i]!, devices[end]!)) end++;
    rows.push(end - i > 2 ? runRow(devices[i]!, devices[end - 1]!, end - i) : deviceRow(devices[i]!, memoryOf));
    i = end - i > 2 ? end : i + 1;
  }
  const lines = table(deviceColumns, rows, width);
  return [style.bold("Devices"), ...(rows.length === 0 ? ["  none"] : lines)];
}

const alike = (a: DeviceReach, b: DeviceReach): boolean =>
  a.state === "blocked" && b.state === "blocked" && a.why === b.why && a.unit === b.unit && a.path === b.path;

const runRow = (first: DeviceReach, last: DeviceReach, count: number): string[] => [
  // They are of one unit, so of one segment.
  `${deviceName(first)} to ${deviceName(last).replace(/^[0-9a-f]{4,}:(?=..:)/, "")}`,
  "",
  `blocked (${countWords(count)})`,
  ...["", "", "", "", "", "", ""],
];

function deviceRow(device: DeviceReach, memoryOf: (ranges: Ranges) => number): string[] {
  const { ranges, state } = device;
  const open = state === "identity" || state === "bypass";
  return [
    deviceName(device),
    device.pasid === null ? "" : `${device.pasid}`,
    open && device.allow !== 3 ? `${state} ${permWords[device.allow]}` : state,
    device.stage ?? "",
    device.domain === null ? "" : `${device.domain}`,
    device.ats ? "trusted" : "",
    ranges === null ? "" : countWords(ranges.leafCount),
    ranges === null ? "" : countWords(ranges.count),
    ranges === null ? "" : bytesWords(ranges.byteCount),
    ranges === null ? (open && device.allow !== 0 ? "everything" : "") : bytesWords(memoryOf(ranges)),
  ];
}

const mappingColumns: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "iova", align: "left" },
  { title: "physical", align: "left" },
  { title: "size", align: "right" },
  { title: "perm", align: "left" },
];

const nameOf = (device: DeviceReach): string =>
  device.pasid === null || device.pasid === 0 ? deviceName(device) : `${deviceName(device)}/${device.pasid}`;

/** Mappings of each device that are shown when nobody asked for more. */
const mappingsUsual = 4;
/** Rows of a table that are laid out at once. */
const rowsAtOnce = 5000;

export function* mappingLines(report: InspectReport, style: Style, width: number): Generator<string> {
  yield style.bold("Mappings");
  const done = new Set<object>();
  let heading = true;
  // Rows of each device are laid out by themselves: names of one width keep them in line.
  const nameWidth = Math.max(
    0,
    ...report.shown.slice(0, rowsAtOnce).map((i) => nameOf(report.inspection.devices[i]!).length),
  );
  for (const i of report.shown) {
    const device = report.inspection.devices[i]!;
    if (device.ranges === null || device.ranges.count === 0) continue;
    const name = nameOf(device);
    if (done.has(device.ranges)) {
      yield style.dim(`  ${name}  the same: it shares the table`);
      continue;
    }
    done.add(device.ranges);
    const max = report.everyMapping ? Number.POSITIVE_INFINITY : mappingsUsual;
    let rows: string[][] = [];
    let shown = 0;
    for (const { iova, paddr, bytes, perm } of mappingRows(device.ranges)) {
      if (shown++ === max) break;
      rows.push([name.padEnd(nameWidth), hex(iova), hex(paddr), bytesWords(bytes), perm]);
      if (rows.length < rowsAtOnce) continue;
      yield* table(mappingColumns, rows, width).slice(heading ? 0 : 1);
      heading = false;
      rows = [];
    }
    if (rows.length > 0) yield* table(mappingColumns, rows, width).slice(heading ? 0 : 1);
    heading = false;
    const left = device.ranges.count - max;
    if (left > 0) yield style.dim(`  ${name}  and ${plural(left, "range")} more (--device ${name})`);
  }
}
