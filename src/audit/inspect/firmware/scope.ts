/** Is a device in a scope of the firmware? */
import type { AcpiScope } from "../acpi/acpi_tables.js";
import type { DeviceId } from "../device_name.js";
import type { Topology } from "../pci/topology.js";

/** itself: the scope names it. below: it is below a bridge that the scope names. perhaps: nobody says what the bridges lead to. */
export type Within = "itself" | "below" | "perhaps" | "not";

/** I/O APICs and HPETs send interrupts only; what ACPI names has no requester id that a list of the bus knows. */
export const isRequester = (s: AcpiScope): boolean =>
  s.what !== "io-apic" && s.what !== "hpet" && s.what !== "named" && s.what !== "stream";

export function within(scope: AcpiScope, device: DeviceId, topology: Topology): Within {
  if (!isRequester(scope) || scope.segment !== device.segment) return "not";
  if (scope.what === "all") return "itself";
  const place = placeOf(scope, topology);
  if (place === "absent") return "not";
  if (place === "unknown") return couldLead(scope, device) ? "perhaps" : "not";
  if (place.first <= device.requester && device.requester <= place.last) return "itself";
  if (!ownsBelow(scope)) return "not";
  const below = topology.isBelow(device, { segment: scope.segment, requester: place.first });
  if (below === null) return scope.what === "bridge" ? "perhaps" : "not";
  return below ? "below" : "not";
}

/**
 * DMAR names functions by their place: one that is a bridge owns what is below it. IVRS and IORT name requester ids, each
 * by itself.
 */
export const ownsBelow = ({ what, path }: AcpiScope): boolean =>
  what === "bridge" || (what === "device" && path !== undefined);

/** The requesters that a scope names, once the bridges on its path are known. */
export function placeOf(
  { segment, first, last, path }: AcpiScope,
  topology: Topology,
): { readonly first: number; readonly last: number } | "absent" | "unknown" {
  if (first !== null && last !== null) return { first, last };
  if (path === undefined) return "unknown";
  const end = topology.follow(segment, path.bus, path.functions);
  if (end.kind === "function") return { first: end.requester, last: end.requester };
  return end.kind;
}

/** Could a path through bridges whose buses nobody gives lead to a device, or above it? Buses below have higher numbers. */
function couldLead({ path, what }: AcpiScope, { requester }: DeviceId): boolean {
  if (path === undefined) return true;
  if (requester >>> 8 <= path.bus) return false;
  return what === "bridge" || path.functions.at(-1) === (requester & 0xff);
}
