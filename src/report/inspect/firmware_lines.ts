/** What firmware says of units, devices and memory, as lines for people. */
import { type Column, table, wrap } from "../text/layout.js";
import type { Style } from "../text/style.js";
import { firmwareWords } from "./firmware_words.js";
import type { InspectReport } from "./inspect_report.js";

const columns: readonly Column[] = [
  { title: "unit", align: "left" },
  { title: "registers at", align: "left" },
  { title: "read as", align: "left", spare: 1 },
  { title: "segment", align: "left", spare: 2, folds: true },
  { title: "serves", align: "left", folds: true },
];

/** Names and regions that are listed. */
const most = 8;

/** @returns nothing where the image holds no tables of the firmware */
export function firmwareLines({ inspection }: InspectReport, style: Style, width: number): string[] {
  if (inspection.firmware == null) return [];
  const { tables, units, rest } = firmwareWords(inspection.firmware, most);
  const rows = units.map((u) => [
    u.name,
    u.place,
    u.unit === null ? "not read" : `unit ${u.unit}`,
    u.segments,
    u.devices,
  ]);
  return [
    style.bold("Firmware"),
    ...tables.flatMap((t) => wrap(t, width, "  ", "    ")),
    ...(rows.length === 0 ? ["  no IOMMU is listed"] : table(columns, rows, width)),
    ...rest.flatMap((r) => wrap(r, width, "  ", "    ")),
  ];
}
