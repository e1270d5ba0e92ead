/**
 * Whose a group's DMA is: the kernel's drivers', or somebody's who leads it where he wants. What he has not attached is
 * blocked.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (iommu_group_claim_dma_owner, iommu_device_claim_dma_owner,
 * __iommu_take_dma_ownership, iommu_device_use_default_domain, and their reverses).
 */
import { noDomain } from "./domain_book.js";
import type { Result } from "./errno.js";
import type { Group } from "./group.js";
import { ensureBlockingDomain, mustSetDomain, setDomain } from "./set_domain.js";

/**
 * A group for itself. @param owner a number of his own
 * @returns EINVAL for no owner, and where a device must not be blocked; EPERM where it is somebody's; EBUSY where it leads
 * elsewhere than the kernel put it; ENOMEM
 */
export function claimGroup(group: Group, owner: number): Result {
  if (owner === 0) return "EINVAL";
  return group.s.ownerCount > 0 ? "EPERM" : take(group, owner);
}

/** A device of a group: another of the same owner's may be claimed already. Returns what `claimGroup` does. */
export function claimDevice(group: Group, owner: number): Result {
  const { s } = group;
  if (owner === 0) return "EINVAL";
  if (s.ownerCount === 0) return take(group, owner);
  if (s.owner !== owner) return "EPERM";
  s.ownerCount++;
  return null;
}

function take(group: Group, owner: number): Result {
  const { s, pasids } = group;
  if ((s.domain !== noDomain && s.domain !== s.defaultDomain) || !pasids.isEmpty) return "EBUSY";
  const failed = ensureBlockingDomain(group) ?? setDomain(group, s.blockingDomain);
  if (failed !== null) return failed;
  s.owner = owner;
  s.ownerCount = 1;
  return null;
}

/** Back to the kernel's domain; while something stands behind a PASID, nothing happens but a warning. */
export function releaseGroup(group: Group): void {
  const { s, pasids } = group;
  if (s.owner === 0 || !pasids.isEmpty) {
    group.warned("a group is released that nobody owns, or in which something is attached");
    return;
  }
  s.ownerCount = 0;
  s.owner = 0;
  mustSetDomain(group, s.defaultDomain);
}

export function releaseDevice(group: Group): void {
  const { s } = group;
  if (s.ownerCount > 1) s.ownerCount--;
  else releaseGroup(group);
}

/** A driver of the kernel's is bound to a device. @returns EBUSY where the group is somebody's, or was led elsewhere */
export function useDefaultDomain({ s, pasids }: Group): Result {
  const isElsewhere = s.domain !== s.defaultDomain || s.owner !== 0 || !pasids.isEmpty;
  if (s.ownerCount > 0 && isElsewhere) return "EBUSY";
  s.ownerCount++;
  return null;
}

export function unuseDefaultDomain({ s, pasids, warned }: Group): void {
  if (s.ownerCount === 0 || !pasids.isEmpty) warned("a driver leaves that was not there, or something attached");
  else s.ownerCount--;
}
