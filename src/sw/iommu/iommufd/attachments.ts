/**
 * Which devices of a group a program leads where: the core is asked for the first of them, and for the last.
 *
 * Source: Linux drivers/iommu/iommufd/device.c of 7.0 (struct iommufd_attach, iommufd_hw_pagetable_attach, -_detach,
 * iommufd_device_do_replace, iommufd_hwpt_pasid_compat).
 */
import { attachGroupHandle, detachGroupHandle, replaceGroupHandle } from "../group/attach.js";
import type { Result } from "../group/errno.js";
import type { Group } from "../group/group.js";
import { attachPasid, detachPasid, replacePasid } from "../group/pasids.js";
import type { HeldDomain } from "./held.js";

interface Attachment {
  to: number;
  held: HeldDomain;
  /** Ids of the devices that ask for it. */
  readonly devices: Set<number>;
}

export interface Leading {
  readonly device: number;
  readonly pasid?: number;
  readonly to: number;
  readonly held: HeldDomain;
  readonly handle: number;
}

export class Attachments {
  readonly #group: Group;
  /** By PASID; 0: of requests without one. */
  readonly #byPasid = new Map<number, Attachment>();

  constructor(group: Group) {
    this.#group = group;
  }

  of(device: number, pasid: number): number | null {
    const attachment = this.#byPasid.get(pasid);
    return attachment?.devices.has(device) === true ? attachment.to : null;
  }

  pasidsOf(device: number): readonly number[] {
    return [...this.#byPasid].filter(([, { devices }]) => devices.has(device)).map(([pasid]) => pasid);
  }

  attach({ device, pasid = 0, to, held, handle }: Leading): Result {
    const there = this.#byPasid.get(pasid);
    if (there?.devices.has(device) === true) return "EBUSY";
    if (there !== undefined && there.held !== held) return "EINVAL";
    if (there === undefined) {
      const group = this.#group;
      const { domain } = held;
      const failed =
        this.#compatible(pasid, held) ??
        (pasid === 0 ? attachGroupHandle(group, domain, handle) : attachPasid(group, { pasid, domain, handle }));
      if (failed !== null) return failed;
      this.#byPasid.set(pasid, { to, held, devices: new Set() });
    }
    this.#byPasid.get(pasid)!.devices.add(device);
    held.users++;
    return null;
  }

  replace({ device, pasid = 0, to, held, handle }: Leading): Result {
    const there = this.#byPasid.get(pasid);
    if (there?.devices.has(device) !== true) return "EINVAL";
    if (there.held === held) return null;
    const group = this.#group;
    const { domain } = held;
    const failed =
      this.#compatible(pasid, held) ??
      (pasid === 0 ? replaceGroupHandle(group, domain, handle) : replacePasid(group, { pasid, domain, handle }));
    if (failed !== null) return failed;
    held.users += there.devices.size;
    there.held.users -= there.devices.size;
    there.held = held;
    there.to = to;
    return null;
  }

  detach({ device, pasid }: { readonly device: number; readonly pasid: number }): void {
    const there = this.#byPasid.get(pasid);
    if (there?.devices.delete(device) !== true) return;
    there.held.users--;
    if (there.devices.size > 0) return;
    if (pasid === 0) detachGroupHandle(this.#group);
    else detachPasid(this.#group, pasid);
    this.#byPasid.delete(pasid);
  }

  /** Domains of devices that have others behind PASIDs, and those behind PASIDs, are made for that. */
  #compatible(pasid: number, { domain }: HeldDomain): Result {
    const { domains } = this.#group.driver;
    const takes = domains.takesPasids(domain);
    if (pasid === 0) return takes || [...this.#byPasid.keys()].every((p) => p === 0) ? null : "EINVAL";
    const beside = this.#byPasid.get(0);
    return takes && (beside === undefined || domains.takesPasids(beside.held.domain)) ? null : "EINVAL";
  }
}
