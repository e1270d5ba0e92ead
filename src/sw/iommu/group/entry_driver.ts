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

  constructor(o: EntryDriverOptions) {
    this.#options = o;
    this.domains = o.domains;
    this.blocked = o.blocked;
    this.identity = o.identity;
    const s = o.state.place(
      record(o.name ?? "unit", {
        entries: cells(o.devices * o.pasids, "the domain that each device and PASID is led to; 0 = none"),
        noted: cells(o.devices, "the domain that the driver notes for each device"),
      }),
    );
    this.#entries = s.entries;
    this.#noted = s.noted;
    this.setPasid = (domain, device, pasid) => this.#setPasid({ domain, device: device.number, pasid });
  }

  /** Where a device's entry leads; the domain that blocks counts as one. */
  entryOf(device: number, pasid = 0): number {
    return this.#entries.get(device * this.#options.pasids + pasid);
  }

  attachDevice(domain: number, { number: device }: GroupDevice): Result {
    const { bugs } = this.#options;
    const asked = { domain, device, pasid: 0 };
    if (domain === this.blocked) return this.#leads(asked);
    const isNested = this.domains.kindOf(domain) === "nested";
    if (bugs?.has("nested-not-noted") === true) {
      // Where a device leads is asked of a note, which the domains of guests do not change.
      if (this.#noted.get(device) === domain) return null;
    }
    if (bugs?.has("torn-down-first") === true) this.#leads({ ...asked, domain: this.blocked });
    const refused = this.#options.refuses?.(asked) ?? null;
    if (refused !== null) return refused;
    this.#leads(asked);
    if (!isNested || bugs?.has("nested-not-noted") !== true) this.#noted.set(device, domain);
    return null;
  }

  mapDirect(domain: number, _: DirectRegion): Result {
    const refused = this.#options.mapsNot?.(domain) ?? null;
    if (refused === null) this.domains.mapDirect(domain);
    return refused;
  }

  #setPasid(asked: Asked): Result {
    if (asked.domain === this.blocked) return this.#leads({ ...asked, domain: noDomain });
    return this.#options.refuses?.(asked) ?? this.#leads(asked);
  }

  #leads({ domain, device, pasid }: Asked): null {
    this.#entries.set(device * this.#options.pasids + pasid, domain);
    return null;
  }
}
