/**
 * The core's driver on a real one: whichever unit's, its domains and its devices' entries. A device that sends several
 * requester ids is led by all of them or by none.
 *
 * It has no domain that blocks, for these drivers have none: an empty one takes its place, as for Linux's older drivers. What
 * a device meets while its entry is stored is for `sw/iommu/entry` to say.
 */
import { Misuse } from "../../../base/assert.js";
import type { MachineState } from "../../../state/index.js";
import { DomainBook, noDomain } from "../group/domain_book.js";
import type { DirectRegion, GroupDevice, GroupDriver } from "../group/driver.js";
import type { Result } from "../group/errno.js";
import type { AttachedDevice, UnitDomain, UnitDriver } from "../unit_driver.js";

export interface UnitGroupDriverOptions {
  readonly state: MachineState;
  readonly driver: UnitDriver;
  /** Domains that there can be at a time. */
  readonly count: number;
  /** The requester ids of a device, by its number. */
  readonly requesters: (device: number) => readonly AttachedDevice[];
  /** Map a region to itself in the tables of a domain; throws Misuse `no-memory`. */
  readonly mapDirect: (domain: UnitDomain, region: DirectRegion) => void;
}

export class UnitGroupDriver implements GroupDriver {
  readonly domains: DomainBook;
  readonly blocked = noDomain;
  readonly identity: number;
  readonly setPasid = null;
  readonly #o: UnitGroupDriverOptions;
  readonly #made = new Map<number, UnitDomain>();

  constructor(o: UnitGroupDriverOptions) {
    this.#o = o;
    this.domains = new DomainBook(o.state, o.count, { freed: (domain) => this.#made.delete(domain) });
    this.identity = this.domains.allocate({ kind: "identity" }) as number;
  }

  /** The unit's domain behind a number, made when it is first asked for. @throws Misuse `no-memory` */
  unitDomain(domain: number): UnitDomain {
    const made = this.#made.get(domain) ?? this.#o.driver.createDomain();
    this.#made.set(domain, made);
    return made;
  }

  /** @returns EINVAL for a domain that is neither identity nor has tables of its own, ENOMEM; then nothing has changed */
  attachDevice(domain: number, { number }: GroupDevice, old: number): Result {
    if (!this.#isLedTo(domain)) return "EINVAL";
    const devices = this.#o.requesters(number);
    return inMemory(() => {
      const to = this.#target(domain);
      for (const [n, device] of devices.entries()) {
        const failed = inMemory(() => this.#o.driver.attach(device, to));
        if (failed === null) continue;
        if (old !== noDomain) this.#lead(devices.slice(0, n), old, domain);
        throw new Misuse("no-memory", `for the entry of ${device.requester}`);
      }
      this.#forget(devices, old);
    });
  }

  mapDirect(domain: number, region: DirectRegion): Result {
    return inMemory(() => {
      this.#o.mapDirect(this.unitDomain(domain), region);
      this.domains.mapDirect(domain);
    });
  }

  #lead(devices: readonly AttachedDevice[], domain: number, from: number): void {
    for (const device of devices) this.#o.driver.attach(device, this.#target(domain));
    this.#forget(devices, from);
  }

  /** What was kept of a domain that these devices have left. */
  #forget(devices: readonly AttachedDevice[], domain: number): void {
    if (domain === noDomain || domain === this.identity) return;
    this.#o.driver.flushesOf(this.unitDomain(domain), devices).flushAll();
  }

  #target(domain: number): UnitDomain | "pass-through" {
    return domain === this.identity ? "pass-through" : this.unitDomain(domain);
  }

  #isLedTo(domain: number): boolean {
    return domain === this.identity || this.domains.kindOf(domain) === "paging";
  }
}

function inMemory(does: () => void): Result {
  try {
    does();
    return null;
  } catch (e) {
    if (e instanceof Misuse && e.code === "no-memory") return "ENOMEM";
    throw e;
  }
}
