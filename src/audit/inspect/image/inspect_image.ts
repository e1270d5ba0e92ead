/** One image, its units and what is known beside it, made into an inspection. */
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { atOnce, type Paced, part } from "../../../base/paced.js";
import type { Image } from "../../../read/image/image.js";
import { missingRoot, type UnitRoot } from "../../../table/device/index.js";
import type { AcpiReading, AcpiUnit } from "../acpi/acpi_tables.js";
import { type DeviceId, deviceName } from "../device_name.js";
import { treeIn } from "../devicetree/blob.js";
import { placesOfTree } from "../devicetree/places.js";
import type { DeviceReach, Inspection } from "../facts/inspection.js";
import type { BusDevice, Known, OtherTable, RegisterNote } from "../facts/known.js";
import { ReverseIndex } from "../facts/reverse_index.js";
import { findingsOf } from "../findings/rules.js";
import { Coverage } from "../firmware/coverage.js";
import { listingOf } from "../firmware/listing.js";
import { inKernelOrder } from "../firmware/match.js";
import { reservedRegions } from "../firmware/regions.js";
import { onTheBus } from "../firmware/uncovered.js";
import { amdviInterrupts } from "../interrupts/amdvi_interrupts.js";
import { uncheckedInterrupts } from "../interrupts/vtd_interrupts.js";
import { busFromImage } from "../pci/bus.js";
import type { Place } from "../place.js";
import { namedPlaces } from "../places/outside.js";
import { placesOf } from "../places/places.js";
import type { UnitMemory } from "../registers/memory.js";
import { Survey } from "../survey/survey.js";
import { TableFrames } from "../table_frames.js";
import { findingKernelText } from "./kernel_text.js";
import { isWhole, ramOf } from "./ram.js";
import { ReachReader } from "./reach.js";

export interface InspectInput {
  readonly file: string;
  readonly image: Image;
  readonly units: readonly UnitRoot[];
  /** Sentences that say how the units were found, and what was left out. */
  readonly notes: readonly string[];
  /** What firmware says; null: no tables of it were found. */
  readonly acpi?: AcpiReading | null;
  /** What the whole image holds, where it was read before; absent: it is read when something asks for it. */
  readonly survey?: Survey;
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

/** The share of the work that reading page tables is taken to be. */
const tablesShare = 0.5;

export interface Inspected {
  readonly inspection: Inspection;
  readonly index: ReverseIndex;
  readonly image: Image;
  /** Who is behind which unit; null: firmware says nothing. */
  readonly coverage: Coverage | null;
  /** null: nobody says what is on the bus. */
  readonly bus: readonly BusDevice[] | null;
}

export const inspectImage = (input: InspectInput): Inspected => atOnce(inspectingImage(input), input.progress);

/** The same, with a stop after each device and each few blocks of the image. */
export function* inspectingImage(input: InspectInput): Paced<Inspected> {
  const { image } = input;
  const acpi = input.acpi ?? null;
  const survey = input.survey ?? new Survey(image, { names: false });
  const inOrder = inKernelOrder(input.units, acpi);
  const strangers = strangersAmong(inOrder, acpi);
  // What the registers of another machine say of this one is nothing.
  const units = inOrder.map((u, i) =>
    strangers.includes(i) ? { ...u, translating: null, interruptRemapping: null } : u,
  );
  const bus = input.bus ?? busFromImage(image, acpi);
  const coverage = acpi === null ? null : new Coverage(acpi, units, bus);
  const tables = new TableFrames();
  const reader = new ReachReader(image, tables);
  for (const memory of input.unitMemory ?? []) tables.addStretch(memory);
  const listing = listingOf(tables.noting(image, "device table"), units, coverage);
  const own = listing.devices.filter((d) => !strangers.includes(d.unit));
  const devices: DeviceReach[] = [];
  for (const listed of own) {
    devices.push({ ...listed, ...reader.of(listed) });
    yield (tablesShare * devices.length) / own.length;
  }
  for (const device of devices) {
    const table = units[device.unit]!.kind === "amdvi" ? (amdviInterrupts(device)?.table ?? null) : null;
    if (table !== null) tables.addStretch(table);
  }
  devices.sort((a, b) => a.segment - b.segment || a.requester - b.requester || (a.pasid ?? -1) - (b.pasid ?? -1));
  const index = new ReverseIndex(devices);
  const notes = [...input.notes, ...listing.notes];
  // The search reads all of memory: where nobody may write, there is nothing to say of the kernel's code.
  const kernel = index.allow.some((a) => (a & 2) !== 0)
    ? yield* part(findingKernelText(image, survey), tablesShare, 1)
    : null;
  if (kernel !== null && "unknown" in kernel) notes.push(kernel.unknown);
  const isPartial = input.isPartial === true || image.warnings.length > 0;
  const reserved = coverage === null ? null : reservedRegions(coverage);
  const places = placesOf({
    machine: image.machine,
    units,
    acpi,
    bus,
    tree: yield* treePlaces(image, units, acpi, survey),
  });
  const whole = isPartial ? null : isWhole(image, index, namedPlaces(places, reserved));
  const ram = whole === true ? ramOf(image.runs, places) : null;
  const named = new Set(devices.map((d) => d.unit));
  const isUnbelieved = (unit: number) =>
    units[unit]!.translating !== false && !named.has(unit) && (listing.unitTroubles[unit] ?? []).length > 0;
  const known: Known = {
    units,
    devices,
    unitTroubles: listing.unitTroubles,
    // Of a unit that is off it is known what its devices reach.
    unread: [...units.keys()].filter(
      (i) => strangers.includes(i) || (units[i]!.translating !== false && missingRoot(image, units[i]!) !== null),
    ),
    unbelieved: [...units.keys()].filter((i) => isUnbelieved(i)),
    machine: image.machine,
    index,
    tables,
    runs: image.runs,
    places,
    ram,
    whole,
    isPartial,
    strangers,
    kernel: kernel !== null && "place" in kernel ? kernel.place : null,
    reserved,
    missingUnits: (coverage?.missing ?? []).map(unitName),
    bus,
    firmwareIds: acpi === null ? [] : idsOf(acpi),
    ...onTheBus({ memory: image, units, devices, bus, coverage }),
    registerNotes: input.registerNotes ?? [],
    uncheckedInterrupts: uncheckedInterrupts(image, units, input.unitMemory ?? []),
    otherTables: input.otherTables ?? [],
    silent: listing.silent.filter((s) => !strangers.includes(s.unit)),
  };
  for (const { where, what } of image.warnings) notes.push(where === "" ? what : `${where}: ${what}`);
  const inspection: Inspection = {
    source: {
      file: input.file,
      format: image.format,
      machine: image.machine,
      bytes: image.runs.reduce((sum, run) => sum + run.frameCount * frameBytes, 0),
      runs: image.runs,
      ram,
      notes,
    },
    units,
    devices,
    unitTroubles: known.unitTroubles,
    unreadUnits: [...new Set([...known.unread, ...(known.unbelieved ?? [])])].sort((a, b) => a - b),
    findings: findingsOf(known),
    places,
    firmware:
      coverage === null || coverage.acpi.tables.length === 0
        ? null
        : { reading: coverage.acpi, units: coverage.acpi.units.map((_, n) => coverage.inspected(n)) },
  };
  return { inspection, index, image, coverage, bus };
}

function idsOf({ units, aliases }: AcpiReading): DeviceId[] {
  const own = units.flatMap((u) => u.scopes.filter((s) => ["io-apic", "hpet", "named"].includes(s.what)));
  const ids = own.flatMap(({ segment, first }) => (first === null ? [] : [{ segment, requester: first }]));
  return [...ids, ...aliases.map(({ segment, source }) => ({ segment, requester: source }))];
}

/** Images beyond this are not searched for a device tree: 32 GiB. */
const searchedFramesMax = 2 ** 23;

/** Machines of Arm have either. */
function* treePlaces(
  image: Image,
  units: readonly UnitRoot[],
  acpi: AcpiReading | null,
  survey: Survey,
): Paced<Place[]> {
  const frames = image.runs.reduce((sum, run) => sum + run.frameCount, 0);
  if (acpi !== null || units.every((u) => u.kind !== "smmuv3") || frames > searchedFramesMax) return [];
  return placesOfTree(treeIn(image, (yield* survey.finding()).trees) ?? []);
}

/** Firmware lists units by the address of their registers: values of another one are of another machine. */
function strangersAmong(units: readonly UnitRoot[], acpi: AcpiReading | null): number[] {
  const listed = new Set((acpi?.units ?? []).flatMap((u) => u.registersAt ?? []));
  if (listed.size === 0) return [];
  return [...units.keys()].filter((i) => units[i]!.registersAt !== null && !listed.has(units[i]!.registersAt!));
}

/** Kinds that are told of and not read. */
const unreadKinds: Readonly<Record<string, string>> = {
  smmu: " (an SMMU of version 1 or 2: its tables are not read)",
  "virtio-iommu": " (paravirtual: its tables are the hypervisor's and not in this memory)",
};

function unitName({ kind, registersAt, requester, segment, name }: AcpiUnit): string {
  const at = registersAt === null ? "" : ` with registers at ${hex(registersAt)}`;
  const place = registersAt === null && requester !== null ? ` ${deviceName({ segment, requester })}` : "";
  return `${name == null ? "" : `${name}, `}${kind}${at}${place}${unreadKinds[kind] ?? ""}`;
}
