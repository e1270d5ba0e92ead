/**
 * Where the kernel's own drivers work: chosen when a group is made, and by `type` in sysfs afterwards.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (iommu_group_store_type, iommu_setup_default_domain,
 * iommu_create_device_direct_mappings); Documentation/ABI/testing/sysfs-kernel-iommu_groups.
 */
import { noDomain } from "./domain_book.js";
import type { Errno, Result } from "./errno.js";
import type { Group } from "./group.js";
import { mustSetDomain, setDomain } from "./set_domain.js";

/** As sysfs has them. */
export type DefaultType = "identity" | "DMA" | "DMA-FQ";

/**
 * @returns EINVAL before the group has a domain, and for what a device that is not trusted may not have; EPERM where a driver
 * is bound, but for a flush queue, which needs no other domain; else as `setUpDefault`
 */
export function setDefaultType(group: Group, type: DefaultType): Result {
  const { s, driver, devices } = group;
  if (s.defaultDomain === noDomain) return "EINVAL";
  if (type === "DMA-FQ" && driver.domains.kindOf(s.defaultDomain) === "paging" && s.isLazy === 0) {
    s.isLazy = 1;
    return null;
  }
  if (s.ownerCount > 0) return "EPERM";
  if (type !== "DMA" && devices.some((d) => d.isUntrusted === true)) return "EINVAL";
  return setUpDefault(group, type);
}

/**
 * A new domain for the kernel's drivers, with the regions that firmware wants, and the group led there. Linux leads it there
 * even where a region cannot be mapped, and tries again behind that; here it stays where it is.
 * @returns ENOMEM, EBUSY while a device is reset, or what the driver says: then all is as it was
 */
export function setUpDefault(group: Group, type: DefaultType): Result {
  const { s } = group;
  const made = allocateDefault(group, type);
  if (typeof made !== "number") return made;
  if (made === s.defaultDomain) return null;
  const refused = mapRegions(group, made);
  if (refused !== null) return givenUp(group, made, refused);
  const old = s.defaultDomain;
  s.defaultDomain = made;
  if (s.domain === noDomain) mustSetDomain(group, made);
  else {
    const failed = setDomain(group, made);
    if (failed !== null) {
      s.defaultDomain = old;
      return givenUp(group, made, failed);
    }
  }
  s.isLazy = type === "DMA-FQ" ? 1 : 0;
  freeDynamic(group, old);
  return null;
}

function allocateDefault({ driver }: Group, type: DefaultType): number | Errno {
  if (type !== "identity") return driver.domains.allocate({ kind: "paging" });
  return driver.identity === noDomain ? "EINVAL" : driver.identity;
}

function mapRegions({ driver, devices }: Group, domain: number): Result {
  if (driver.domains.kindOf(domain) !== "paging") return null;
  for (const { regions } of devices)
    for (const region of regions) {
      const failed = driver.mapDirect(domain, region);
      if (failed !== null) return failed;
    }
  return null;
}

function givenUp(group: Group, domain: number, why: Errno): Errno {
  freeDynamic(group, domain);
  return why;
}

function freeDynamic({ driver }: Group, domain: number): void {
  if (![noDomain, driver.blocked, driver.identity].includes(domain)) driver.domains.free(domain);
}
