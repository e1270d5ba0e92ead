/**
 * A device leaves its group: nothing that others attached is its any more.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (iommu_deinit_device): a device whose regions firmware relies on is not put
 * where it is blocked, but where addresses are those of memory.
 */
import { noDomain } from "./domain_book.js";
import { type GroupDevice, requiresDirect } from "./driver.js";
import type { Result } from "./errno.js";
import type { Group } from "./group.js";
import { removePasid } from "./pasids.js";

/** @returns what the driver says; null where it has no domain to put it in, and the device stays where it is */
export function leaveGroup(group: Group, device: GroupDevice): Result {
  const { driver, pasids, s } = group;
  if (device.maxPasids > 0)
    for (const pasid of pasids.used()) removePasid(group, { device, pasid, old: pasids.domainOf(pasid) });
  const parked = requiresDirect(device) ? driver.identity : driver.blocked;
  return parked === noDomain ? null : driver.attachDevice(parked, device, s.domain);
}
