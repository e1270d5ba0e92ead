/**
 * Under which requester ids devices send: what is behind an Intel VMD endpoint sends as that endpoint.
 *
 * Source: Linux drivers/pci/controller/vmd.c (vmd_ids, vmd_find_free_domain: domains from 0x10000 up) and
 * arch/x86/pci/common.c (pci_real_dma_dev).
 */
import { Misuse } from "../../../base/assert.js";
import { PciClass } from "../../../spec/pcie/class_names.js";
import type { AcpiAlias } from "../acpi/reading.js";
import { type AskedDevice, type DeviceId, deviceName } from "../device_name.js";
import type { BusDevice } from "../facts/known.js";

/**
 * A root complex and an IOMMU send nothing that a unit sees, and no table lists them. Source: AMD 48882, 5.2.2.1 (the
 * unit is a function of the root complex); Linux drivers/iommu/amd/init.c, init_iommu_one_late.
 */
export const sendsNothing = (device: BusDevice): boolean =>
  device.class === PciClass.hostBridge || device.class === PciClass.iommu;

/** Segments of ACPI have 16 bits: those above are made by drivers. */
export const isMadeSegment = (segment: number): boolean => segment > 0xffff;

const intel = 0x8086;
const vmdDevices = [...[0x201d, 0x28c0, 0x467f, 0x4c3d, 0xa77f, 0x7d0b, 0xad0b, 0x9a0b], ...[0xb60b, 0xb06f, 0xb07f]];

function isVmd(device: BusDevice): boolean {
  if (isMadeSegment(device.segment)) return false;
  if (device.vendor === intel && vmdDevices.includes(device.device ?? -1)) return true;
  const named = /Volume Management Device|\bVMD\b/i.test(device.text ?? "");
  return named && (device.class == null || device.class === PciClass.raid);
}

/**
 * The endpoints as which devices of a segment may send.
 * @returns null for segments of firmware; an empty list where no endpoint is on the list
 */
export function endpointsOf(segment: number, bus: readonly BusDevice[]): readonly BusDevice[] | null {
  return isMadeSegment(segment) ? bus.filter(isVmd) : null;
}

/** The requester id that a device's requests carry, by the aliases of firmware. */
export function sourceOf({ segment, requester }: DeviceId, aliases: readonly AcpiAlias[]): number {
  const alias = aliases.find((a) => a.segment === segment && a.first <= requester && requester <= a.last);
  return alias?.source ?? requester;
}

interface Senders {
  readonly bus: readonly BusDevice[] | null;
  readonly aliases: readonly AcpiAlias[];
}

/**
 * Who is asked of when a device is: behind a VMD endpoint that endpoint, with an alias the one whose id it carries.
 * @throws Misuse `device` where several may be the one, or none is on the list
 */
export function askedSender<T extends AskedDevice>(asked: T, { bus, aliases }: Senders): T {
  if (asked.path != null || asked.isStream === true) return asked;
  const own = { segment: asked.segment ?? 0, requester: asked.requester };
  const endpoints = endpointsOf(own.segment, bus ?? []);
  if (endpoints === null) {
    const requester = sourceOf(own, aliases);
    return requester === own.requester ? asked : { ...asked, segment: own.segment, requester, sentBy: own };
  }
  const only = endpoints[0];
  if (only !== undefined && endpoints.length === 1) {
    return { ...asked, segment: only.segment, requester: only.requester, sentBy: own };
  }
  const which =
    only === undefined
      ? "as whom it sends is not known: no Intel VMD endpoint is on the list of the bus (--pci)"
      : `it sends as one of ${endpoints.map((e) => deviceName(e)).join(", ")}: ask for that one`;
  throw new Misuse("device", `${deviceName(own)}: ${which}`);
}
