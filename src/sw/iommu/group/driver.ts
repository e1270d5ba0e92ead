/** What the core of a kernel's IOMMU asks of the driver of a unit. Domains are numbers of a book that both know. */
import type { DomainBook } from "./domain_book.js";
import type { Result } from "./errno.js";

/** Addresses that firmware wants to lead to themselves, bytes. */
export interface DirectRegion {
  readonly first: number;
  readonly last: number;
}

/** A device of a group. */
export interface GroupDevice {
  readonly number: number;
  /** PASIDs that it can send: 1 to one below. 0: none. */
  readonly maxPasids: number;
  /** Regions that must be mapped for it at all times. */
  readonly regions: readonly DirectRegion[];
  /** It is plugged in from outside. Default false. */
  readonly isUntrusted?: boolean;
}

/** Firmware relies on it: then the device is never blocked. Linux calls it `require_direct`. */
export const requiresDirect = (device: GroupDevice): boolean => device.regions.length > 0;

export interface GroupDriver {
  readonly domains: DomainBook;
  /** Its domain that blocks, to which attaching cannot fail; 0: an empty paging domain takes its place. */
  readonly blocked: number;
  /** Its domain in which addresses are those of memory; 0: it has none. */
  readonly identity: number;
  /** Lead requests without PASID of a device to another domain. @param old where they lead now; 0: nowhere yet */
  attachDevice(domain: number, device: GroupDevice, old: number): Result;
  /**
   * Lead a PASID of a device to another domain, or, with the domain that blocks, to none. @param old 0: nowhere yet.
   * null: the driver knows no PASIDs.
   */
  readonly setPasid: ((domain: number, device: GroupDevice, pasid: number, old: number) => Result) | null;
  /** Map a region to itself. */
  mapDirect(domain: number, region: DirectRegion): Result;
}
