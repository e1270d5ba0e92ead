/**
 * While a device is reset it is blocked, and the group stays what it is: other attachments wait until it is done.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (pci_dev_reset_iommu_prepare, pci_dev_reset_iommu_done); what may not fail
 * is noted and carried out at the end (CVE-2026-52952).
 */
import { noDomain } from "./domain_book.js";
import type { GroupDevice } from "./driver.js";
import type { Result } from "./errno.js";
import type { Group } from "./group.js";
import { removePasid } from "./pasids.js";
import { ensureBlockingDomain } from "./set_domain.js";

/** @returns EBUSY where a device is reset already; ENOMEM, or what the driver says */
export function prepareReset(group: Group, device: GroupDevice): Result {
  const { s, driver, pasids } = group;
  if (group.isResetting) return "EBUSY";
  const failed = ensureBlockingDomain(group);
  if (failed !== null) return failed;
  if (s.domain !== s.blockingDomain) {
    const refused = driver.attachDevice(s.blockingDomain, device, s.domain);
    if (refused !== null) return refused;
  }
  if (device.maxPasids > 0)
    for (const pasid of pasids.used()) removePasid(group, { device, pasid, old: pasids.domainOf(pasid) });
  s.resettingDomain = s.blockingDomain;
  s.resettingDevice = device.number + 1;
  return null;
}

/** The device goes where the group leads now. Where nothing is reset, nothing happens. */
export function finishReset(group: Group, device: GroupDevice): void {
  const { s, driver, pasids, warned } = group;
  if (!group.isResetting) return;
  if (s.domain !== s.blockingDomain && driver.attachDevice(s.domain, device, s.blockingDomain) !== null)
    warned("a driver refuses a domain that it must not refuse");
  if (device.maxPasids > 0)
    for (const pasid of pasids.used())
      if (driver.setPasid?.(pasids.domainOf(pasid), device, pasid, driver.blocked) ?? false)
        warned("a driver refuses what stood behind a PASID before");
  s.resettingDomain = noDomain;
  s.resettingDevice = 0;
}
