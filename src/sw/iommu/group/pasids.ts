/**
 * The same for one PASID of a group's devices.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (iommu_attach_device_pasid, iommu_replace_device_pasid,
 * iommu_detach_device_pasid, __iommu_set_group_pasid).
 */
import { noDomain } from "./domain_book.js";
import type { GroupDevice } from "./driver.js";
import type { Result } from "./errno.js";
import type { Group } from "./group.js";

export interface PasidAttachment {
  readonly pasid: number;
  readonly domain: number;
  /** Who is to hear of its faults; 0: nobody. */
  readonly handle: number;
}

/**
 * @returns EOPNOTSUPP where the driver knows no PASIDs or cannot block one; EINVAL for PASID 0, one that a device cannot
 * send, or no domain; EBUSY where something stands behind it or a device is reset; or what the driver says
 */
export function attachPasid(group: Group, { pasid, domain, handle }: PasidAttachment): Result {
  const { driver, devices, pasids } = group;
  if (driver.setPasid === null || driver.blocked === noDomain) return "EOPNOTSUPP";
  if (pasid === 0 || !driver.domains.isThere(domain)) return "EINVAL";
  if (group.isResetting) return "EBUSY";
  if (pasid >= pasids.count || devices.some((d) => d.maxPasids > 0 && pasid >= d.maxPasids)) return "EINVAL";
  if (pasids.has(pasid)) return "EBUSY";
  const failed = setPasid(group, { pasid, domain, old: noDomain });
  if (failed === null) pasids.store(pasid, domain, handle);
  return failed;
}

/**
 * @returns EINVAL where nothing stands behind it, without a handle, and with the one that it has; else as `attachPasid`.
 * What fails leaves all as it was
 */
export function replacePasid(group: Group, { pasid, domain, handle }: PasidAttachment): Result {
  const { driver, pasids } = group;
  if (driver.setPasid === null) return "EOPNOTSUPP";
  if (pasid === 0 || handle === 0 || !driver.domains.isThere(domain)) return "EINVAL";
  if (group.isResetting) return "EBUSY";
  if (!pasids.has(pasid) || pasids.handleOf(pasid) === handle) return "EINVAL";
  const old = pasids.domainOf(pasid);
  const failed = old === domain ? null : setPasid(group, { pasid, domain, old });
  if (failed === null) pasids.store(pasid, domain, handle);
  return failed;
}

/** Nothing stands behind it any more. It cannot fail, and nothing happens where nothing did. */
export function detachPasid(group: Group, pasid: number): void {
  const { pasids, s, bugs } = group;
  const old = pasids.domainOf(pasid);
  // A device that is reset has lost all of them already.
  const isLost = (d: GroupDevice) => d.number + 1 === s.resettingDevice && !bugs.has("pasid-removed-twice");
  if (old !== noDomain && pasid > 0)
    for (const device of sending(group)) if (!isLost(device)) removePasid(group, { device, pasid, old });
  pasids.erase(pasid);
}

/** Devices that send PASIDs: one that sends none is no hindrance. */
export const sending = ({ devices }: Group): readonly GroupDevice[] => devices.filter((d) => d.maxPasids > 0);

export interface RemovedPasid {
  readonly device: GroupDevice;
  readonly pasid: number;
  /** Where it leads. */
  readonly old: number;
}

/** A PASID of one device leads nowhere any more. */
export function removePasid({ driver, warned }: Group, { device, pasid, old }: RemovedPasid): void {
  const failed = driver.setPasid?.(driver.blocked, device, pasid, old) ?? null;
  if (failed !== null) warned("a driver refuses to block a PASID");
}

/** All devices, or none: those that are led already are led back. */
function setPasid(
  group: Group,
  { pasid, domain, old }: { readonly pasid: number; readonly domain: number; readonly old: number },
): Result {
  const set = group.driver.setPasid!;
  const devices = sending(group);
  for (const [n, device] of devices.entries()) {
    const failed = set(domain, device, pasid, old);
    if (failed === null) continue;
    for (const led of devices.slice(0, n)) {
      const isBack = old !== noDomain && set(old, led, pasid, domain) === null;
      if (!isBack) removePasid(group, { device: led, pasid, old: domain });
      if (!isBack && old !== noDomain) group.warned("a driver refuses a domain that it must not refuse");
    }
    return failed;
  }
  return null;
}
