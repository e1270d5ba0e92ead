/** What firmware says of who is behind which unit, held against the units whose tables were found. */
import type { UnitRoot } from "../../table/device/index.js";
import type { AcpiReading, AcpiScope, AcpiUnit } from "./acpi/acpi_tables.js";
import type { DeviceId } from "./device_name.js";
import type { BusDevice, RequesterRange, ReservedRegion } from "./findings/known.js";

/**
 * A number: the index of the unit. "none": no unit has the device in its scope. "elsewhere": one that firmware lists and
 * whose tables nobody gave. "unknown": firmware does not say, or speaks of bridges whose buses it does not give.
 */
export type Behind = number | "none" | "elsewhere" | "unknown";

export class Coverage {
  readonly #acpi: AcpiReading;
  /** The unit of this inspection that each unit of the firmware is; -1 for none. */
  readonly #found: readonly number[];

  readonly #bridges: readonly BusDevice[];

  /** @param bus says which buses are below a bridge; null when nobody does */
  constructor(acpi: AcpiReading, units: readonly UnitRoot[], bus: readonly BusDevice[] | null) {
    this.#acpi = acpi;
    this.#bridges = (bus ?? []).filter((d) => d.buses !== null);
    this.#found = acpi.units.map((a) => indexOf(a, acpi.units, units));
  }

  behind(device: DeviceId): Behind {
    const { units } = this.#acpi;
    if (units.length === 0) return "unknown";
    const own = [...units.keys()].filter((i) => units[i]!.segment === device.segment);
    const named = own.find((i) => units[i]!.scopes.some((s) => this.#isWithin(s, device)));
    const rest = named ?? own.find((i) => units[i]!.includeAll);
    if (rest !== undefined) return this.#found[rest]! < 0 ? "elsewhere" : this.#found[rest]!;
    return own.some((i) => units[i]!.scopes.some((s) => this.#isVague(s))) ? "unknown" : "none";
  }

  #isWithin(scope: AcpiScope, device: DeviceId): boolean {
    if (!isRequester(scope) || scope.segment !== device.segment) return false;
    if (scope.what === "all") return true;
    const { first, last } = scope;
    if (first === null || last === null) return false;
    if (first <= device.requester && device.requester <= last) return true;
    const below = scope.what === "bridge" ? this.#bridgeAt(scope.segment, first)?.buses : null;
    const bus = device.requester >>> 8;
    return below != null && below.secondary <= bus && bus <= below.subordinate;
  }

  /** A bridge stands for all that is below it; without the bus, nobody says which buses that is. */
  #isVague(scope: AcpiScope): boolean {
    if (!isRequester(scope)) return false;
    if (scope.first === null) return true;
    return scope.what === "bridge" && this.#bridgeAt(scope.segment, scope.first) === undefined;
  }

  #bridgeAt(segment: number, requester: number): BusDevice | undefined {
    return this.#bridges.find((b) => b.segment === segment && b.requester === requester);
  }

  /** Units that firmware lists and whose tables are not among those that were found. */
  get missing(): readonly AcpiUnit[] {
    return this.#acpi.units.filter((unit, i) => unit.kind !== "virtio-iommu" && this.#found[i]! < 0);
  }
}

/** By the address of its registers; where only a scan found tables, the only unit of a kind is the only one found. */
function indexOf(acpi: AcpiUnit, all: readonly AcpiUnit[], units: readonly UnitRoot[]): number {
  const byRegisters = units.findIndex((u) => u.registersAt !== null && u.registersAt === acpi.registersAt);
  if (byRegisters >= 0) return byRegisters;
  const alike = [...units.keys()].filter((i) => units[i]!.kind === acpi.kind && units[i]!.registersAt === null);
  const only = all.filter((a) => a.kind === acpi.kind).length === 1 && alike.length === 1;
  return only ? alike[0]! : -1;
}

const isRequester = (s: AcpiScope): boolean => s.what !== "io-apic" && s.what !== "hpet" && s.what !== "named";

/** Regions that must stay mapped; those whose devices cannot be told are left out. */
export function reservedRegions(acpi: AcpiReading): ReservedRegion[] {
  return acpi.reserved.flatMap(({ kind, first, last, scopes }): ReservedRegion[] => {
    const bounds = { kind, from: first, to: last + 1 };
    if (scopes.some((s) => s.what === "all")) return [{ ...bounds, devices: null }];
    const devices = scopes.flatMap(rangeOf);
    return devices.length === 0 ? [] : [{ ...bounds, devices }];
  });
}

function rangeOf({ segment, first, last, stream }: AcpiScope): RequesterRange[] {
  if (first === null || last === null) return [];
  const from = stream ?? first;
  return [{ segment, first: from, last: from + last - first }];
}
