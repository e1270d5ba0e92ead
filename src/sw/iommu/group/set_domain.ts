/**
 * Lead all devices of a group to another domain: the one way that every operation goes.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (__iommu_group_set_domain_internal, __iommu_device_set_domain,
 * __iommu_group_set_core_domain, __iommu_group_alloc_blocking_domain).
 */
import { noDomain } from "./domain_book.js";
import { type GroupDevice, requiresDirect } from "./driver.js";
import type { Result } from "./errno.js";
import type { Group } from "./group.js";

/**
 * @returns EBUSY while a device is reset, EINVAL where a device must not be blocked, ENODEV for a domain of a process, else what the driver says; then the
 * devices before the one that failed are led back, and that one is left to the driver
 */
export function setDomain(group: Group, domain: number): Result {
  const { s, devices } = group;
  if (s.domain === domain) return null;
  if (domain === noDomain) return "EINVAL";
  if (group.isResetting) return "EBUSY";
  for (const [n, device] of devices.entries()) {
    const failed = leadTo(group, device, domain, s.domain);
    if (failed === null) continue;
    if (s.domain !== noDomain) for (const led of devices.slice(0, n)) mustLeadTo(group, led, s.domain, domain);
    return failed;
  }
  s.domain = domain;
  return null;
}

/** The same where nobody can be told that it failed: a device that cannot be led there is blocked, if it can be. */
export function mustSetDomain(group: Group, domain: number): void {
  const { s, devices } = group;
  if (s.domain === domain) return;
  if (group.isResetting) {
    // The device waits in the domain that blocks, and is led to what the group then says when it is reset.
    if (!group.bugs.has("reset-refuses-detach")) {
      for (const device of devices)
        if (device.number + 1 !== s.resettingDevice) mustLeadTo(group, device, domain, s.domain);
      s.domain = domain;
    }
    return;
  }
  for (const device of devices) mustLeadTo(group, device, domain, s.domain);
  s.domain = domain;
}

function mustLeadTo(group: Group, device: GroupDevice, domain: number, old: number): void {
  const { driver, s } = group;
  if (leadTo(group, device, domain, old) === null) return;
  group.warned("a driver refuses a domain that it must not refuse");
  const { blockingDomain } = s;
  if (blockingDomain !== noDomain && blockingDomain !== domain) driver.attachDevice(blockingDomain, device, old);
}

function leadTo(group: Group, device: GroupDevice, domain: number, old: number): Result {
  const isKept = requiresDirect(device) && !group.bugs.has("region-blocked");
  if (isKept && blocks(group, domain)) return "EINVAL";
  // What is made of a process's tables stands behind PASIDs only.
  if (group.driver.domains.kindOf(domain) === "sva") return "ENODEV";
  return group.driver.attachDevice(domain, device, old);
}

const blocks = ({ driver, s }: Group, domain: number) =>
  driver.domains.kindOf(domain) === "blocked" || (s.blockingDomain !== noDomain && domain === s.blockingDomain);

/** Where a group leads when nobody has attached anything: its owner's, or the kernel's. */
export function setCoreDomain(group: Group): void {
  const { owner, blockingDomain, defaultDomain } = group.s;
  mustSetDomain(group, owner === 0 ? defaultDomain : blockingDomain);
}

/** The driver's own domain that blocks, or an empty paging one. @returns ENOMEM where there is no room for one */
export function ensureBlockingDomain({ s, driver }: Group): Result {
  if (s.blockingDomain !== noDomain) return null;
  const made = driver.blocked === noDomain ? driver.domains.allocate({ kind: "paging" }) : driver.blocked;
  if (typeof made !== "number") return made;
  s.blockingDomain = made;
  return null;
}
