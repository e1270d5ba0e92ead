/**
 * Streams of an SMMU and the devices that send them: one unit may serve several segments, each from a stream of its own
 * on, and devices that are on no bus.
 *
 * Source: Arm IO Remapping Table DEN0049E.e, 3.1.1 (id mappings); Linux drivers/acpi/arm64/iort.c, iort_id_map.
 */
import type { AcpiScope, AcpiUnit } from "../acpi/acpi_tables.js";
import type { DeviceId } from "../device_name.js";

/** Whether firmware says which streams a unit takes. */
const tells = (unit: AcpiUnit | undefined): unit is AcpiUnit =>
  unit?.kind === "smmuv3" && unit.scopes.some((s) => s.stream !== null);

/** The device that sends a stream. Where firmware names none, the stream alone is its name. */
export function senderOf(unit: AcpiUnit | undefined, segment: number, stream: number): DeviceId {
  if (!tells(unit)) return { segment, requester: stream };
  const scope = unit.scopes.find((s) => takes(s, stream));
  if (scope === undefined) return { segment, requester: stream, stream, path: null };
  if (scope.first === null) return { segment: scope.segment, requester: stream, stream, path: scope.name };
  return { segment: scope.segment, requester: scope.first + stream - scope.stream!, stream };
}

const takes = ({ stream, first, last, oneStream }: AcpiScope, asked: number): boolean =>
  stream !== null && oneStream !== true && asked >= stream && asked <= stream + (first === null ? 0 : last! - first);

/** The stream under which a unit sees a device. */
export function streamOf(unit: AcpiUnit | undefined, { segment, requester }: DeviceId): number {
  if (!tells(unit)) return requester;
  const scope = unit.scopes.find(
    (s) => s.first !== null && s.segment === segment && s.first <= requester && requester <= s.last!,
  );
  if (scope === undefined) return requester;
  return scope.oneStream === true ? scope.stream! : scope.stream! + requester - scope.first!;
}
