/** Where the units' tables are: as registers or the user say, else as a scan of the image finds them. */

import { type AcpiReading, listedTables, namedTables } from "../../audit/inspect/acpi/acpi_tables.js";
import type { InspectInput } from "../../audit/inspect/image/inspect_image.js";
import type { RegistersReading } from "../../audit/inspect/registers/units_from_registers.js";
import { type ScanCandidate, scanImage } from "../../audit/inspect/scan/scan_image.js";
import type { Together } from "../../audit/inspect/survey/crew.js";
import { Survey } from "../../audit/inspect/survey/survey.js";
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { Image } from "../../read/image/image.js";
import { Unreadable } from "../../read/unreadable.js";
import type { UnitRoot } from "../../table/device/index.js";

export interface RegistersText {
  readonly name: string;
  readonly text: string;
}

export interface UnitsAsked {
  /** What messages call the image. */
  readonly name: string;
  /** null: there are none. */
  readonly registers: RegistersText | null;
  readonly given: readonly UnitRoot[];
  /** Look for tables even where registers or the user say where they are. */
  readonly scan: boolean;
  /** How one says where they are, for a message. */
  readonly hint: string;
  /** How all of an image is read. */
  readonly together: Together;
}

export interface UnitsFound {
  readonly input: Pick<InspectInput, "units" | "registerNotes" | "unitMemory" | "otherTables" | "acpi" | "survey">;
  /** How they were found, in sentences. */
  readonly notes: readonly string[];
}

/** @throws Unreadable when nobody says where tables are and none are found. */
export async function unitsOf(image: Image, asked: UnitsAsked): Promise<UnitsFound> {
  const { registers, given } = asked;
  const told = registers === null ? null : await unitsFrom(registers);
  const units = [...(told?.units ?? []), ...given];
  const scans = asked.scan || units.length === 0;
  const isSearched = image.runs.reduce((sum, run) => sum + run.frameCount * frameBytes, 0) <= searchedBytesMax;
  const listed = isSearched ? listedTables(image) : null;
  const names = isSearched && listed === null;
  const survey = new Survey(image, { names });
  if (scans || names) await survey.read(asked.together);
  const acpi = heard(names ? namedTables(image, survey.found().names) : listed);
  const notes = acpi?.notes ?? [];
  const said = { registerNotes: told?.notes ?? [], unitMemory: told?.memory ?? [], survey };
  if (!scans) return { input: { units, ...said, otherTables: [], acpi }, notes };
  const candidates = await scanImage(image, { ...asked.together, survey });
  if (units.length > 0) {
    const roots = new Set(units.map((u) => u.root));
    const otherTables = candidates.filter((c) => !roots.has(c.unit.root)).map(tableOf);
    const found = otherTables.length === 0 ? "no other tables" : `other tables: ${otherTables.length}`;
    return { input: { units, ...said, otherTables, acpi }, notes: [...notes, `the scan found ${found}`] };
  }
  const kinds = new Set<string>((acpi?.units ?? []).map((u) => u.kind));
  const chosen = candidates.filter((c) => c.chosen && (kinds.size === 0 || kinds.has(c.unit.kind)));
  if (chosen.length === 0 && acpi !== null && hasNoneToRead(acpi)) {
    const otherTables = candidates.map(tableOf);
    return { input: { units: [], ...said, otherTables, acpi }, notes: [`firmware lists ${firmwareWords(acpi)}`] };
  }
  if (chosen.length === 0) {
    const firmware = acpi === null || acpi.tables.length === 0 ? "" : `; firmware lists ${firmwareWords(acpi)}`;
    const found = `none, and no registers (${asked.hint})${firmware}`;
    throw new Unreadable(asked.name, "", "device tables of an IOMMU somewhere in the image", found);
  }
  const otherTables = candidates.filter((c) => !chosen.includes(c)).map(tableOf);
  return {
    input: { units: chosen.map((c) => c.unit), ...said, otherTables, acpi },
    notes: [
      ...(asked.scan ? [] : ["no registers were given: the tables were found by their form"]),
      ...chosen.map((c, i) => `unit ${i}, ${sure(c.score)}: ${c.because}`),
      ...(acpi === null || acpi.tables.length === 0 ? [] : [`firmware lists ${firmwareWords(acpi)}`]),
      "whether the units translate, and with which abilities, only their registers say",
      ...notes,
    ],
  };
}

/** What reads registers is loaded where there are any. @throws Unreadable */
async function unitsFrom({ name, text }: RegistersText): Promise<RegistersReading> {
  const { unitsFromRegisters } = await import("../../audit/inspect/registers/units_from_registers.js");
  return unitsFromRegisters(name, text);
}

/** Images beyond this are not searched for the firmware's tables: 32 GiB. */
const searchedBytesMax = 2 ** 35;

/** @returns null when the image holds no tables of the firmware, and nothing is to be said of any. */
const heard = (acpi: AcpiReading | null): AcpiReading | null =>
  acpi === null || acpi.tables.length + acpi.notes.length === 0 ? null : acpi;

function firmwareWords({ units }: AcpiReading): string {
  if (units.length === 0) return "no IOMMU";
  const at = (address: number | null) => (address === null ? "" : ` at ${hex(address)}`);
  return units.map(({ kind, registersAt }) => `${kind}${at(registersAt)}`).join(", ");
}

/** Firmware names no unit of a kind whose tables are read. */
const hasNoneToRead = ({ isComplete, notes, units }: AcpiReading): boolean =>
  units.length === 0
    ? isComplete === true && notes.length === 0
    : units.every((u) => u.kind === "virtio-iommu" || u.kind === "smmu");

const tableOf = ({ unit, because }: ScanCandidate) => ({ kind: unit.kind, address: unit.root, because });

const sure = (score: number): string => (score > 0.9 ? "very likely" : score > 0.6 ? "likely" : "possibly");
