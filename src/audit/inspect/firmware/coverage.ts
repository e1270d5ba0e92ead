/**
 * What firmware says of who is behind which unit, held against the units whose tables were found.
 *
 * Source: Linux drivers/iommu/intel/iommu.c (device_lookup_iommu), drivers/iommu/amd/init.c (init_iommu_from_acpi),
 * drivers/acpi/arm64/iort.c (iort_node_map_id).
 */
import { countWords } from "../../../base/count_words.js";
import type { UnitRoot } from "../../../table/device/index.js";
import type { AcpiReading, AcpiScope, AcpiUnit } from "../acpi/acpi_tables.js";
import type { DeviceId } from "../device_name.js";
import type { BusDevice } from "../facts/known.js";
import { Topology } from "../pci/topology.js";
import { matched } from "./match.js";
import { isRequester, type Within, within } from "./scope.js";

/**
 * A number: the index of the unit. "none": no unit has the device in its scope. "elsewhere": one that firmware lists and
 * whose tables nobody gave. "unknown": firmware does not say, or speaks of bridges whose buses nobody gives.
 */
export type Behind = number | "none" | "elsewhere" | "unknown";

export class Coverage {
  readonly #acpi: AcpiReading;
  /** The unit of this inspection that each unit of the firmware is; -1 for none. */
  readonly #found: readonly number[];
  readonly #topology: Topology;

  /** @param bus says what is below bridges; null when nobody does */
  constructor(acpi: AcpiReading, units: readonly UnitRoot[], bus: readonly BusDevice[] | null) {
    this.#acpi = acpi;
    this.#topology = new Topology(bus);
    this.#found = matched(acpi.units, units);
  }

  behind(device: DeviceId): Behind {
    if (this.#acpi.units.length === 0) return "unknown";
    const { sure, possible } = this.#candidates(device);
    if (possible.length > 0) return "unknown";
    if (sure === null) return "none";
    return this.#found[sure]! < 0 ? "elsewhere" : this.#found[sure]!;
  }

  /** Units of the inspection that a device of which it is not known may be behind; "elsewhere" for one that is not among them. */
  possible(device: DeviceId): readonly (number | "elsewhere" | "none")[] {
    const { sure, possible } = this.#candidates(device);
    const all = [...possible, ...(sure === null ? [] : [sure])].map((i) => this.#found[i]!);
    const known = [...new Set(all)].map((i) => (i < 0 ? "elsewhere" : i));
    return sure === null ? [...known, "none"] : known;
  }

  /** What it would take to know: `the buses below bridge 20:00.0`. */
  whyUnknown(device: DeviceId): string {
    const unsure = this.#acpi.units.flatMap((u) => u.scopes.filter((s) => this.#within(s, device) === "perhaps"));
    if (unsure.length === 0) return "firmware does not say which unit it is behind";
    const names = [...new Set(unsure.map((s) => s.name))];
    const some =
      names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${countWords(names.length - 3)} more` : names.join(", ");
    const what = unsure.some((s) => s.what === "bridge") ? "the buses below" : "the buses on the way to";
    return `firmware gives a unit what is below ${some}; ${what} ${names.length > 1 ? "them" : "it"} are not given (lspci -vv and lspci -t show them)`;
  }

  /**
   * The unit that surely has the device, if no other may have it: what a table names itself comes before bridges, and
   * those before "all the rest". As the kernel does, later units of a table come first.
   */
  #candidates(device: DeviceId): { readonly sure: number | null; readonly possible: readonly number[] } {
    const { units } = this.#acpi;
    // A table of requester ids has those of virtual functions; DMAR has physical ones only.
    const physical = this.#topology.physical(device);
    const own = (unit: AcpiUnit) => (unit.kind === "vtd" ? physical : device);
    const here = [...units.keys()].reverse().filter((i) => serves(units[i]!, device.segment));
    const ways = new Map(here.map((i) => [i, best(units[i]!.scopes.map((s) => this.#within(s, own(units[i]!))))]));
    const named = here.find((i) => ways.get(i) === "itself");
    if (named !== undefined) return { sure: named, possible: [] };
    const below = here.find((i) => ways.get(i) === "below");
    const rest = here.find((i) => units[i]!.includeAll) ?? null;
    const orphan = below === undefined && this.#topology.isOrphan(device);
    const possible = here.filter(
      (i) =>
        i !== below && (ways.get(i) === "perhaps" || (orphan && units[i]!.scopes.some((s) => isNeighbour(s, device)))),
    );
    return { sure: below ?? rest, possible: possible.filter((i) => i !== (below ?? rest)) };
  }

  #within(scope: AcpiScope, device: DeviceId): Within {
    return within(scope, device, this.#topology);
  }

  /** The unit of the firmware that a unit of the inspection is; undefined: firmware does not list it. */
  listing(unit: number): AcpiUnit | undefined {
    return this.#acpi.units[this.#found.indexOf(unit)];
  }

  /** Index of the unit of this inspection that a unit of the firmware is; -1 for none. */
  readonly inspected = (listed: number): number => this.#found[listed] ?? -1;

  get topology(): Topology {
    return this.#topology;
  }

  get acpi(): AcpiReading {
    return this.#acpi;
  }

  /** Units that firmware lists and whose tables are not among those that were found. */
  get missing(): readonly AcpiUnit[] {
    return this.#acpi.units.filter((_, i) => this.#found[i]! < 0);
  }
}

/** One SMMU may serve several segments. */
const serves = (unit: AcpiUnit, segment: number): boolean =>
  unit.segment === segment || unit.scopes.some((s) => isRequester(s) && s.segment === segment);

const ranks: readonly Within[] = ["itself", "below", "perhaps", "not"];
const best = (ways: readonly Within[]): Within => ranks.find((r) => ways.includes(r)) ?? "not";

/** A function that a table names on the bus of a virtual one: it may be the physical one. */
const isNeighbour = (scope: AcpiScope, { requester }: DeviceId): boolean =>
  scope.what === "device" && scope.path !== undefined && scope.first !== null && scope.first >>> 8 === requester >>> 8;
