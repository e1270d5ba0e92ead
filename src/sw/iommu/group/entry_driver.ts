/**
 * A driver whose unit is a list of where each device and each of its PASIDs leads: what the core can be held against.
 *
 * What may be refused is found out before anything is changed, as Linux's SMMUv3 driver does (arm_smmu_attach_prepare); two
 * switches are of drivers that do otherwise.
 */
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";
import type { AttachBugs } from "./bugs.js";
import { type DomainBook, noDomain } from "./domain_book.js";
import type { DirectRegion, GroupDevice, GroupDriver } from "./driver.js";
import type { Result } from "./errno.js";

/** What a driver is asked to do. */
export interface Asked {
  readonly domain: number;
  readonly device: number;
  /** 0: requests without PASID. */
  readonly pasid: number;
}

export interface EntryDriverOptions {
  readonly state: MachineState;
  readonly domains: DomainBook;
  /** Devices are numbered below it, PASIDs too. */
  readonly devices: number;
  readonly pasids: number;
  readonly blocked: number;
  readonly identity: number;
  readonly bugs?: AttachBugs;
  /** Which attachments it refuses; only looks. Left out: none. */
  readonly refuses?: (asked: Asked) => Result;
  /** Domains in which a region cannot be mapped to itself. Left out: none. */
  readonly mapsNot?: (domain: number) => Result;
  readonly name?: string;
}

export class EntryDriver implements GroupDriver {
  readonly domains: DomainBook;
  readonly blocked: number;
  readonly identity: number;
  readonly setPasid: GroupDriver["setPasid"];
  readonly #options: EntryDriverOptions;
  readonly #entries: CellArray;
  readonly #noted: CellArray;
  readonly #users: CellArray;

  constructor(o: EntryDriverOptions) {
    this.#options = o;
    this.domains = o.domains;
    this.blocked = o.blocked;
    this.identity = o.identity;
    const s = o.state.place(
      record(o.name ?? "unit", {
        entries: cells(o.devices * o.pasids, "the domain that each device and PASID is led to; 0 = none"),
        noted: cells(o.devices, "the domain that the driver notes for each device"),
        users: cells(o.domains.count + 1, "for each domain, attachments of which its unmappings are told"),
      }),
    );
    this.#entries = s.entries;
    this.#noted = s.noted;
    this.#users = s.users;
    this.setPasid = (domain, device, pasid, old) => this.#setPasid({ domain, device: device.number, pasid }, old);
  }

  /** Where a device's entry leads; the domain that blocks counts as one. */
  entryOf(device: number, pasid = 0): number {
    return this.#entries.get(device * this.#options.pasids + pasid);
  }

  /** Are unmappings of the domain that an entry leads to told to anybody? True where it leads to no tables. */
  isTold(device: number, pasid = 0): boolean {
    const domain = this.entryOf(device, pasid);
    return domain === noDomain || this.#isOwn(domain) || this.#users.get(domain) > 0;
  }

  attachDevice(domain: number, { number: device }: GroupDevice, old: number): Result {
    const { bugs } = this.#options;
    const asked = { domain, device, pasid: 0 };
    if (domain === this.blocked) return this.#leads(asked, old);
    const isNested = this.domains.kindOf(domain) === "nested";
    if (bugs?.has("nested-not-noted") === true) {
      // Where a device leads is asked of a note, which the domains of guests do not change.
      if (this.#noted.get(device) === domain) return null;
    }
    if (bugs?.has("torn-down-first") === true) this.#leads({ ...asked, domain: this.blocked }, noDomain);
    const refused = this.#options.refuses?.(asked) ?? null;
    if (refused !== null) return refused;
    this.#leads(asked, old);
    if (!isNested || bugs?.has("nested-not-noted") !== true) this.#noted.set(device, domain);
    return null;
  }

  mapDirect(domain: number, _: DirectRegion): Result {
    const refused = this.#options.mapsNot?.(domain) ?? null;
    if (refused === null) this.domains.mapDirect(domain);
    return refused;
  }

  #setPasid(asked: Asked, old: number): Result {
    if (asked.domain === this.blocked) return this.#leads({ ...asked, domain: noDomain }, old);
    return this.#options.refuses?.(asked) ?? this.#leads(asked, old);
  }

  /** @param old whose user it was: whether that is so is not asked */
  #leads({ domain, device, pasid }: Asked, old: number): null {
    this.#entries.set(device * this.#options.pasids + pasid, domain);
    this.#users.set(domain, this.#users.get(domain) + 1);
    this.#users.set(old, Math.max(this.#users.get(old) - 1, 0));
    return null;
  }

  #isOwn(domain: number): boolean {
    return domain === this.blocked || domain === this.identity;
  }
}
