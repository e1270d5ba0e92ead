/**
 * What is known to be no memory: by ACPI, by registers, by the bus, and on x86 by where every PC has it.
 *
 * Sources of the fixed places: Intel 500 Series chipset datasheet 1, 3.3 (PCH memory map: I/O APIC, HPET, TPM, flash below
 * 4 GiB); VT-d 4.1, 3.14 (interrupt messages); the same of the host bridge's PCIEXBAR, which lies above the end of low memory.
 */
import { frameBytes } from "../../../base/frame.js";
import { hexDigits } from "../../../base/hex.js";
import { isaArea } from "../../../spec/linux/isa_area.js";
import type { UnitKind, UnitRoot } from "../../../table/device/attachment.js";
import type { AcpiReading } from "../acpi/acpi_tables.js";
import { deviceName } from "../device_name.js";
import type { BusDevice } from "../facts/known.js";
import type { Place } from "../place.js";
import type { Stretch } from "../stretch.js";

export interface PlaceSources {
  readonly machine: string | null;
  readonly units: readonly UnitRoot[];
  readonly acpi: AcpiReading | null;
  readonly bus: readonly BusDevice[] | null;
  /** What a device tree in memory says. */
  readonly tree?: readonly Place[];
}

const fourGibibytes = 2 ** 32;

/** Bytes of a unit's registers. Source: VT-d 4.1, 11; AMD IOMMU 48882, 3.4; IHI 0070 G, 6.1; of an older SMMU, IHI 0062 D, 8.1. */
const unitBytes: Readonly<Record<UnitKind | "smmu", number>> = {
  ...{ vtd: 0x1000, amdvi: 0x4000, smmuv3: 0x20000, smmu: 0x10000 },
};

const isaPlace = { from: isaArea.from, to: isaArea.end };

/** The first that names an address counts. */
const everyPc: readonly Place[] = [
  { kind: "messages", what: "interrupt messages", from: 0xfee0_0000, to: 0xfef0_0000 },
  { kind: "interrupts", what: "an I/O APIC, where PCs have it", from: 0xfec0_0000, to: 0xfec0_1000 },
  { kind: "timer", what: "a timer block (HPET), where PCs have it", from: 0xfed0_0000, to: 0xfed0_1000 },
  { kind: "tpm", what: "a TPM, where PCs have it", from: 0xfed4_0000, to: 0xfed4_5000 },
  { kind: "flash", what: "the flash of the firmware", from: 0xff00_0000, to: fourGibibytes },
  { kind: "chipset", what: "registers of the chipset", from: 0xfec0_0000, to: fourGibibytes },
  { kind: "legacy", what: "the window of the graphics, and ROMs, below 1 MiB", ...isaPlace },
];

/** @returns places that do not overlap, ascending: where two sources name an address, the more exact one counts. */
export function placesOf(sources: PlaceSources): Place[] {
  const { machine, units, acpi, bus } = sources;
  const isPc = machine === null ? units.some((u) => u.kind !== "smmuv3") : ["x86", "x86-64"].includes(machine);
  const [messages, ...fixed] = isPc ? everyPc : [];
  const all = [
    ...(messages === undefined ? [] : [messages]),
    ...unitPlaces(units, acpi),
    ...(acpi?.places ?? []),
    ...(sources.tree ?? []),
    ...configurationPlaces(acpi),
    ...windowsOf(bus ?? []),
    ...fixed,
    ...(isPc ? aboveConfiguration(acpi) : []),
  ];
  const told: Place[] = [];
  for (const place of all) {
    for (const part of without(place, told)) told.push({ ...place, ...part });
    told.sort((a, b) => a.from - b.from);
  }
  return told;
}

function unitPlaces(units: readonly UnitRoot[], acpi: AcpiReading | null): Place[] {
  const known = [...units, ...(acpi?.units ?? [])].flatMap(({ kind, registersAt }) =>
    registersAt === null || kind === "virtio-iommu" ? [] : [{ kind, registersAt }],
  );
  return known.map(({ kind, registersAt }) => ({
    kind: "unit",
    what: "the registers of an IOMMU",
    from: registersAt,
    to: registersAt + unitBytes[kind],
  }));
}

/** A bus has 256 functions of 4 KiB. */
const busBytes = 2 ** 20;

function configurationPlaces(acpi: AcpiReading | null): Place[] {
  return (acpi?.configuration ?? []).flatMap(({ segment, base, firstBus, lastBus }): Place[] => {
    const [from, to] = [base + firstBus * busBytes, base + (lastBus + 1) * busBytes];
    const what = `PCI configuration space of segment ${hexDigits(segment, 4)}`;
    return from >= to || to > 2 ** 52 ? [] : [{ kind: "configuration", what, from, to }];
  });
}

const windowsOf = (bus: readonly BusDevice[]): Place[] =>
  bus.flatMap((device) =>
    device.bars.map(({ from, to }) => ({
      kind: "window" as const,
      what: `a window of ${deviceName(device)}`,
      from: Math.floor(from / frameBytes) * frameBytes,
      to: Math.ceil(to / frameBytes) * frameBytes,
    })),
  );

/** Between the configuration space of a PC and 4 GiB lie windows of devices and the chipset, and no memory. */
function aboveConfiguration(acpi: AcpiReading | null): Place[] {
  const bases = (acpi?.configuration ?? []).map((w) => w.base).filter((base) => base > 0 && base < fourGibibytes);
  const from = Math.min(...bases);
  return bases.length === 0
    ? []
    : [{ kind: "window", what: "the part of the address space that is left to devices", from, to: fourGibibytes }];
}

/** The parts of a stretch that none of the places has; they ascend and do not overlap. */
export function without({ from, to }: Stretch, places: readonly Stretch[]): Stretch[] {
  const parts: Stretch[] = [];
  let at = from;
  for (const place of places) {
    if (place.to <= at) continue;
    if (place.from >= to) break;
    if (place.from > at) parts.push({ from: at, to: place.from });
    at = place.to;
  }
  if (at < to) parts.push({ from: at, to });
  return parts;
}
