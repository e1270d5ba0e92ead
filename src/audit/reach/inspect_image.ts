/** One image, its units and what is known beside it, made into an inspection. */
import type { Image } from "../../read/image/image.js";
import type { Attachment } from "../../table/device/index.js";
import {
  deviceTables,
  type LookupFault,
  missingRoot,
  silentRequesters,
  type UnitRoot,
} from "../../table/device/index.js";
import { Troubles } from "../../table/trouble.js";
import type { AcpiReading, AcpiUnit } from "./acpi/acpi_tables.js";
import { amdviInterrupts } from "./amdvi_interrupts.js";
import { Coverage, reservedRegions } from "./coverage.js";
import { deviceName } from "./device_name.js";
import type { BusDevice, Known, OtherTable, RegisterNote, Silent, Uncovered } from "./findings/known.js";
import { holes } from "./findings/outside.js";
import { findingsOf } from "./findings/rules.js";
import type { DeviceReach, Inspection } from "./inspection.js";
import { kernelText } from "./kernel_text.js";
import { busFromImage } from "./pci/bus.js";
import { ReachReader } from "./reach.js";
import type { UnitMemory } from "./registers/memory.js";
import { ReverseIndex } from "./reverse_index.js";
import { TableFrames } from "./table_frames.js";

export interface InspectInput {
  readonly file: string;
  readonly image: Image;
  readonly units: readonly UnitRoot[];
  /** Sentences that say how the units were found, and what was left out. */
  readonly notes: readonly string[];
  /** What firmware says; null: no tables of it were found. */
  readonly acpi?: AcpiReading | null;
  /** What is on the bus; null or absent: nobody says, but configuration space in the image may. */
  readonly bus?: readonly BusDevice[] | null;
  readonly registerNotes?: readonly RegisterNote[];
  /** Queues and tables of interrupts of the units. */
  readonly unitMemory?: readonly UnitMemory[];
  /** Tables that have the form of a unit's and are none's. */
  readonly otherTables?: readonly OtherTable[];
  /** Parts of the image are missing, whatever its reader says. */
  readonly isPartial?: boolean;
  readonly progress?: (share: number) => void;
}

export interface Inspected {
  readonly inspection: Inspection;
  readonly index: ReverseIndex;
  readonly image: Image;
}

export function inspectImage(input: InspectInput): Inspected {
  const { image, units } = input;
  const tables = new TableFrames();
  const reader = new ReachReader(image, tables);
  for (const memory of input.unitMemory ?? []) tables.addStretch(memory);
  const unitTroubles: Troubles[] = [];
  const devices: DeviceReach[] = [];
  const seen = new Map<string, number>();
  const notes = [...input.notes];
  for (const [i, unit] of units.entries()) {
    // Of a unit that is off, the table may be anything: it is without effect.
    const troubles = new Troubles(unit.translating === false ? 0 : undefined);
    unitTroubles.push(troubles);
    const key = keyOf(unit);
    const twin = seen.get(key);
    if (twin !== undefined) {
      notes.push(`unit ${i} has the same device tables as unit ${twin}: its devices are listed there`);
      continue;
    }
    seen.set(key, i);
    // Off, and never given a table: what lies at address 0 is none.
    if (unit.translating === false && unit.root === 0) continue;
    const noting = tables.noting(image, "device table");
    for (const attachment of deviceTables[unit.kind].attachments(noting, unit, troubles)) {
      devices.push({ ...attachment, unit: i, ...reader.of(attachment) });
      const table = unit.kind === "amdvi" ? (amdviInterrupts(attachment)?.table ?? null) : null;
      if (table !== null) tables.addStretch(table);
    }
  }
  devices.sort((a, b) => a.segment - b.segment || a.requester - b.requester || (a.pasid ?? -1) - (b.pasid ?? -1));
  const index = new ReverseIndex(devices);
  const acpi = input.acpi ?? null;
  const bus = input.bus ?? busFromImage(image, acpi);
  const coverage = acpi === null ? null : new Coverage(acpi, units, bus);
  // The search reads all of memory: where nobody may write, there is nothing to say of the kernel's code.
  const kernel = index.allow.some((a) => (a & 2) !== 0) ? kernelText(image, input.progress) : null;
  if (kernel !== null && "unknown" in kernel) notes.push(kernel.unknown);
  const isPartial = input.isPartial === true || image.warnings.length > 0;
  const known: Known = {
    units,
    devices,
    unitTroubles: unitTroubles.map((t) => t.list),
    // Of a unit that is off it is known what its devices reach.
    unread: [...units.keys()].filter((i) => units[i]!.translating !== false && missingRoot(image, units[i]!) !== null),
    machine: image.machine,
    index,
    tables,
    runs: image.runs,
    whole: isPartial ? null : isWhole(image, index),
    isPartial,
    kernel: kernel !== null && "place" in kernel ? kernel.place : null,
    reserved: acpi === null ? null : reservedRegions(acpi),
    missingUnits: (coverage?.missing ?? []).map(unitName),
    bus,
    uncovered: uncoveredOf({ ...input, acpi, bus }, devices, coverage),
    registerNotes: input.registerNotes ?? [],
    otherTables: input.otherTables ?? [],
    silent: units.flatMap((unit, i) => (seen.get(keyOf(unit)) === i ? silentOf(image, unit, i) : [])),
  };
  for (const { where, what } of image.warnings) notes.push(where === "" ? what : `${where}: ${what}`);
  const inspection: Inspection = {
    source: {
      file: input.file,
      format: image.format,
      machine: image.machine,
      bytes: image.runs.reduce((sum, run) => sum + run.frameCount * 4096, 0),
      runs: image.runs,
      notes,
    },
    units,
    devices,
    unitTroubles: known.unitTroubles,
    unreadUnits: known.unread,
    findings: findingsOf(known),
  };
  return { inspection, index, image };
}

const keyOf = (unit: UnitRoot): string =>
  `${unit.kind} ${unit.mode} ${unit.root} ${unit.size} ${unit.segment} ${unit.translating}`;

function silentOf(image: Image, unit: UnitRoot, i: number): Silent[] {
  if (unit.kind !== "amdvi" || unit.translating === false) return [];
  return silentRequesters(image, unit).map((s) => ({ ...s, unit: i }));
}

/** Less than this share of what is mapped lies where no memory is in a whole image: doorbells and windows. */
const strayShareMax = 0.1;

/** A dump that leaves out pages lacks many of those that are mapped; one that does not lacks next to none. */
function isWhole(image: Image, index: ReverseIndex): boolean | null {
  if (image.format === "kdump") return null;
  let mapped = 0;
  let stray = 0;
  for (let row = 0; row < index.count; row++) {
    const from = index.paddr[row]!;
    mapped += index.bytes[row]!;
    for (const hole of holes(image.runs, { from, to: from + index.bytes[row]! })) stray += hole.to - hole.from;
  }
  return mapped > 0 && stray <= mapped * strayShareMax ? true : null;
}

const unitName = ({ kind, registersAt }: AcpiUnit): string =>
  registersAt === null ? kind : `${kind} with registers at 0x${registersAt.toString(16)}`;

/** Devices on the bus that no entry names, and what the units do with them. */
function uncoveredOf(input: InspectInput, devices: readonly DeviceReach[], coverage: Coverage | null): Uncovered[] {
  const named = new Set(devices.map(deviceName));
  return (input.bus ?? []).flatMap((device): Uncovered[] => {
    const behind = coverage?.behind(device) ?? "unknown";
    if (behind === "none") return [{ device, outcome: null }];
    const requester = sourceOf(device, input.acpi ?? null);
    if (behind === "elsewhere" || named.has(deviceName({ ...device, requester }))) return [];
    const within = input.units.filter((u) => u.segment === device.segment);
    const units = behind === "unknown" ? within : [input.units[behind]!];
    return units.length === 0 ? [] : [{ device, outcome: lookupAmong(input.image, units, requester) }];
  });
}

/** The requester id that the device's requests carry. */
function sourceOf({ segment, requester }: BusDevice, acpi: AcpiReading | null): number {
  const alias = acpi?.aliases.find((a) => a.segment === segment && a.first <= requester && requester <= a.last);
  return alias?.source ?? requester;
}

/** What the first unit that knows the device says, or the last one. */
function lookupAmong(image: Image, units: readonly UnitRoot[], requester: number): Attachment | LookupFault {
  let outcome: Attachment | LookupFault | null = null;
  for (const unit of units) {
    outcome = deviceTables[unit.kind].lookup(image, unit, requester, null);
    if ("state" in outcome) return outcome;
  }
  return outcome!;
}
