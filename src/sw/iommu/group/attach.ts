/**
 * Attach, detach and replace the domain of a group's requests without PASID.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (__iommu_attach_group, iommu_attach_device, iommu_detach_group,
 * iommu_attach_group_handle, iommu_replace_group_handle, iommu_detach_group_handle); D4.
 */
import type { Result } from "./errno.js";
import type { Group } from "./group.js";
import { setCoreDomain, setDomain } from "./set_domain.js";

/** @returns EBUSY where the group leads to something that somebody attached; EINVAL where there is no such domain */
export function attachGroup(group: Group, domain: number): Result {
  const { s, driver } = group;
  if (![0, s.defaultDomain, s.blockingDomain].includes(s.domain)) return "EBUSY";
  return driver.domains.isThere(domain) ? setDomain(group, domain) : "EINVAL";
}

/** The same for a device that is alone. @returns EINVAL where it is not */
export function attachDevice(group: Group, domain: number): Result {
  return group.devices.length === 1 ? attachGroup(group, domain) : "EINVAL";
}

/** Back to the owner's domain, which blocks, or to the kernel's. It cannot fail. */
export function detachGroup(group: Group): void {
  setCoreDomain(group);
}

/**
 * Attach, and note who is to hear of faults. @param handle his number
 * @returns EINVAL without a handle, EBUSY where there is one, and what `attachGroup` does
 */
export function attachGroupHandle(group: Group, domain: number, handle: number): Result {
  if (handle === 0) return "EINVAL";
  if (group.pasids.has(0)) return "EBUSY";
  const failed = attachGroup(group, domain);
  // Behind the attachment: nobody hears of faults of a domain that is then refused.
  if (failed === null) group.pasids.store(0, domain, handle);
  return failed;
}

/**
 * From one domain to another, with none that blocks between. @param handle a new one
 * @returns EINVAL without a handle or domain, EBUSY while a device is reset, or what the driver says: then all is as it was
 */
export function replaceGroupHandle(group: Group, domain: number, handle: number): Result {
  if (handle === 0 || !group.driver.domains.isThere(domain)) return "EINVAL";
  const failed = setDomain(group, domain);
  if (failed === null) group.pasids.store(0, domain, handle);
  return failed;
}

export function detachGroupHandle(group: Group): void {
  setCoreDomain(group);
  group.pasids.erase(0);
}
