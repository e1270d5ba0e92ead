/**
 * What a program in user space has of the core: address spaces, domains made for a device, devices that lead to them.
 *
 * Source: Linux drivers/iommu/iommufd of 7.0: device.c (iommufd_device_bind, iommufd_hw_pagetable_attach,
 * iommufd_device_do_replace, iommufd_device_auto_get_domain, iommufd_hwpt_pasid_compat), hw_pagetable.c, main.c
 * (iommufd_destroy).
 */
import { Misuse } from "../../../base/assert.js";
import type { DomainBook } from "../group/domain_book.js";
import type { GroupDevice } from "../group/driver.js";
import type { Errno, Result } from "../group/errno.js";
import type { Group } from "../group/group.js";
import { claimDevice, releaseDevice } from "../group/ownership.js";
import { Attachments } from "./attachments.js";
import type { BoundDevice, Held, HeldDomain } from "./held.js";

export interface DomainFlags {
  readonly nests?: boolean;
  readonly pasids?: boolean;
  readonly dirty?: boolean;
}

export interface AttachRequest {
  /** Id of a device. */
  readonly device: number;
  /** Id of a domain, or of an address space. */
  readonly to: number;
  /** 0, or left out: requests without PASID. */
  readonly pasid?: number;
}

type Lead = (attachments: Attachments, to: number, held: HeldDomain) => Result;

export class Iommufd {
  readonly #held = new Map<number, Held>();
  readonly #attachments = new Map<Group, Attachments>();
  readonly #owner: number;
  readonly #domains: DomainBook;
  #nextId = 1;

  /** @param o.owner a number of the program's, by which it claims devices @param o.domains those of their driver */
  constructor(o: { readonly owner: number; readonly domains: DomainBook }) {
    this.#owner = o.owner;
    this.#domains = o.domains;
  }

  addressSpace(): number {
    return this.#hold({ type: "ioas" });
  }

  /** @returns the device's id, or why it cannot be had: see `claimDevice` */
  bind(group: Group, device: GroupDevice): number | Errno {
    const failed = claimDevice(group, this.#owner);
    if (failed !== null) return failed;
    if (!this.#attachments.has(group)) this.#attachments.set(group, new Attachments(group));
    return this.#hold({ type: "device", group, device });
  }

  /** Detached from what it leads to without PASID, and given back. */
  unbind(device: number): void {
    const { group } = this.#device(device);
    for (const pasid of this.#attachments.get(group)!.pasidsOf(device)) this.detach({ device, pasid });
    releaseDevice(group);
    this.#held.delete(device);
  }

  /**
   * A domain for a device. @param of an address space, or a domain that others may be nested in
   * @returns its id; ENOENT where there is no such thing, EINVAL where it takes none, ENOMEM
   */
  allocate(device: number, of: number, flags: DomainFlags = {}): number | Errno {
    this.#device(device);
    const parent = this.#held.get(of);
    if (parent === undefined) return "ENOENT";
    if (parent.type === "device") return "EINVAL";
    const made = this.#domains.allocate(
      parent.type === "ioas" ? { ...flags, kind: "paging" } : { ...flags, kind: "nested", parent: parent.domain },
    );
    if (typeof made !== "number") return made;
    return this.#hold({ type: "hwpt", domain: made, of, isAutomatic: false, users: 0 });
  }

  /** @returns ENOENT where there is no such thing; EBUSY while something uses it */
  destroy(id: number): Result {
    const held = this.#held.get(id);
    if (held === undefined) return "ENOENT";
    const isUsed = [...this.#held.values()].some((o) => o.type === "hwpt" && o.of === id);
    if (held.type === "device" || isUsed || (held.type === "hwpt" && held.users > 0)) return "EBUSY";
    this.#drop(id, held);
    return null;
  }

  /**
   * Lead a device that leads nowhere yet. @returns ENOENT; EBUSY where it leads somewhere; EINVAL where a group's other
   * devices lead elsewhere, and where domain and PASIDs do not go together; else what the core says
   */
  attach(o: AttachRequest): Result {
    return this.#lead(o, (attachments, to, held) => attachments.attach({ ...o, to, held, handle: this.#nextId++ }));
  }

  /** Lead all devices of its group elsewhere. @returns as `attach`, and EINVAL where it leads nowhere yet */
  replace(o: AttachRequest): Result {
    return this.#lead(o, (attachments, to, held) => attachments.replace({ ...o, to, held, handle: this.#nextId++ }));
  }

  /** Nothing happens where it leads nowhere. */
  detach({ device, pasid = 0 }: Omit<AttachRequest, "to">): void {
    const { group } = this.#device(device);
    this.#attachments.get(group)!.detach({ device, pasid });
    this.#dropUnused();
  }

  /** Id of the domain that a device leads to; null: it leads to none of ours. */
  leadsTo(device: number, pasid = 0): number | null {
    return this.#attachments.get(this.#device(device).group)!.of(device, pasid);
  }

  has(id: number): boolean {
    return this.#held.has(id);
  }

  /** To a domain, or to the first of an address space's automatic ones that will do, or to one that is made for it. */
  #lead({ device, to }: AttachRequest, how: Lead): Result {
    const attachments = this.#attachments.get(this.#device(device).group)!;
    const target = this.#held.get(to);
    if (target === undefined) return "ENOENT";
    if (target.type === "device") return "EINVAL";
    const lead = (id: number, held: HeldDomain) => how(attachments, id, held);
    const done = target.type === "hwpt" ? lead(to, target) : this.#leadToSpace(to, lead);
    this.#dropUnused();
    return done;
  }

  #leadToSpace(space: number, lead: (to: number, held: HeldDomain) => Result): Result {
    for (const [id, held] of this.#held) {
      if (held.type !== "hwpt" || !held.isAutomatic || held.of !== space) continue;
      const done = lead(id, held);
      if (done !== "EINVAL") return done;
    }
    const made = this.#domains.allocate({ kind: "paging" });
    if (typeof made !== "number") return made;
    const held: HeldDomain = { type: "hwpt", domain: made, of: space, isAutomatic: true, users: 0 };
    return lead(this.#hold(held), held);
  }

  /** Automatic domains that nothing uses any more. */
  #dropUnused(): void {
    for (const [id, held] of this.#held)
      if (held.type === "hwpt" && held.isAutomatic && held.users === 0) this.#drop(id, held);
  }

  #drop(id: number, held: Held): void {
    this.#held.delete(id);
    if (held.type === "hwpt") this.#domains.free(held.domain);
  }

  #device(id: number): BoundDevice {
    const held = this.#held.get(id);
    if (held?.type !== "device") throw new Misuse("no-device", `${id} is no device`);
    return held;
  }

  #hold(held: Held): number {
    this.#held.set(this.#nextId, held);
    return this.#nextId++;
  }
}
