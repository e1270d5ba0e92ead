/** Regions that firmware reserves, with the devices that they are for as far as those are known. */
import { frameBytes } from "../../../base/frame.js";
import type { AcpiReserved, AcpiScope } from "../acpi/acpi_tables.js";
import type { RequesterRange, ReservedRegion } from "../facts/known.js";
import type { Coverage } from "./coverage.js";
import { ownsBelow, placeOf } from "./scope.js";

/**
 * What is below a bridge that a region names has it as well; a virtual function does not have that of its physical one.
 * Source: Linux drivers/iommu/intel/iommu.c, intel_iommu_get_resv_regions.
 * @returns regions of devices that are not there are left out
 */
export function reservedRegions(coverage: Coverage): ReservedRegion[] {
  return coverage.acpi.reserved.flatMap((region) => regionOf(region, coverage));
}

function regionOf({ kind, first, last, segment, scopes }: AcpiReserved, coverage: Coverage): ReservedRegion[] {
  const bounds = { kind, ...wholePages(first, last), segment };
  if (scopes.some((s) => s.what === "all")) return [{ ...bounds, devices: null }];
  const ranges = scopes.map((s) => rangesOf(s, coverage));
  const devices = ranges.flatMap((r) => (typeof r === "string" ? [] : r));
  const unknown = ranges.filter((r) => typeof r === "string");
  return devices.length + unknown.length === 0 ? [] : [{ ...bounds, devices, ...(unknown.length > 0 && { unknown }) }];
}

/**
 * The pages that Linux maps for a region: it begins with the next whole page and ends with the page of the last byte.
 * Source: Linux drivers/iommu/iommu.c (iommu_create_device_direct_mappings), drivers/iommu/amd/init.c (init_unity_map_range).
 */
function wholePages(first: number, last: number): { from: number; to: number } {
  const to = Math.ceil((last + 1) / frameBytes) * frameBytes;
  return { from: Math.min(Math.ceil(first / frameBytes) * frameBytes, to - frameBytes), to };
}

/** @returns the scope's name where nobody says which devices it means */
function rangesOf(scope: AcpiScope, coverage: Coverage): readonly RequesterRange[] | string {
  const { segment } = scope;
  if (scope.what === "stream") {
    const unit = scope.unit === undefined ? -1 : coverage.inspected(scope.unit);
    return unit < 0 ? [] : [{ segment, first: scope.first!, last: scope.last!, unit }];
  }
  if (scope.what === "named") return [];
  const place = placeOf(scope, coverage.topology);
  if (place === "absent") return [];
  if (place === "unknown") return scope.name;
  const buses = ownsBelow(scope) ? coverage.topology.at({ segment, requester: place.first })?.buses : null;
  const below = buses == null ? [] : [{ segment, first: buses.secondary << 8, last: (buses.subordinate << 8) | 0xff }];
  return [{ segment, ...place }, ...below];
}
