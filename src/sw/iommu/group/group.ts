/**
 * A group of devices that a unit cannot part: where it leads, whose it is, and what stands behind its PASIDs.
 *
 * All that it remembers is declared, so that it can be explored. Who calls holds the group's lock.
 *
 * Source: Linux drivers/iommu/iommu.c of 7.0 (struct iommu_group).
 */
import { type CellArray, cell, cells, type Live, type MachineState, record } from "../../../state/index.js";
import type { AttachBugs } from "./bugs.js";
import { noDomain } from "./domain_book.js";
import type { GroupDevice, GroupDriver } from "./driver.js";

const drafts = {
  domain: cell("the domain of requests without PASID"),
  defaultDomain: cell("the domain of the kernel's own drivers"),
  blockingDomain: cell("the domain of an owner who has attached nothing; 0 = none was needed yet"),
  resettingDomain: cell("the domain in which its device waits while it is reset; 0 = none is reset"),
  owner: cell("who owns its DMA, by a number of his; 0 = the kernel's drivers"),
  ownerCount: cell("drivers that are bound, or claims of the owner"),
  isLazy: cell<0 | 1>("1 = the default domain has a flush queue"),
  resettingDevice: cell("the device that is reset, by its number plus one; 0 = none"),
} as const;

const pasidDrafts = (count: number) => ({
  domains: cells(count, "the domain behind each PASID; of 0, of the handle for requests without one"),
  handles: cells(count, "who attached it wants to know of its faults, by this number; 0 = nobody"),
});

export interface GroupOptions {
  readonly state: MachineState;
  readonly driver: GroupDriver;
  readonly devices: readonly GroupDevice[];
  /** PASIDs are below it. Default 1: there are none. */
  readonly pasids?: number;
  readonly bugs?: AttachBugs;
  /** Told of what a driver must not do: where Linux warns. */
  readonly warned?: (what: string) => void;
  readonly name?: string;
}

/** What operations work on. */
export class Group {
  readonly driver: GroupDriver;
  readonly devices: readonly GroupDevice[];
  readonly bugs: AttachBugs;
  readonly s: Live<typeof drafts>;
  readonly pasids: PasidArray;
  readonly warned: (what: string) => void;

  constructor({ state, driver, devices, pasids = 1, bugs = new Set(), warned, name = "group" }: GroupOptions) {
    this.driver = driver;
    this.devices = devices;
    this.bugs = bugs;
    this.warned = warned ?? (() => undefined);
    this.s = state.place(record(name, drafts));
    this.pasids = new PasidArray(state.place(record(`${name}'s PASIDs`, pasidDrafts(pasids))));
  }

  get isResetting(): boolean {
    return this.s.resettingDomain !== noDomain;
  }
}

/** What stands behind each PASID; behind 0 the handle of requests without one. */
export class PasidArray {
  readonly count: number;
  readonly #domains: CellArray;
  readonly #handles: CellArray;

  constructor(s: { readonly domains: CellArray; readonly handles: CellArray }) {
    this.count = s.domains.length;
    this.#domains = s.domains;
    this.#handles = s.handles;
  }

  has(pasid: number): boolean {
    return this.domainOf(pasid) !== noDomain;
  }

  domainOf(pasid: number): number {
    return pasid < this.count ? this.#domains.get(pasid) : noDomain;
  }

  handleOf(pasid: number): number {
    return pasid < this.count ? this.#handles.get(pasid) : 0;
  }

  store(pasid: number, domain: number, handle: number): void {
    this.#domains.set(pasid, domain);
    this.#handles.set(pasid, handle);
  }

  erase(pasid: number): void {
    if (pasid < this.count) this.store(pasid, noDomain, 0);
  }

  /** PASIDs from 1 on that lead somewhere. */
  used(): readonly number[] {
    return Array.from({ length: this.count }, (_, pasid) => pasid).filter((pasid) => pasid > 0 && this.has(pasid));
  }

  get isEmpty(): boolean {
    return !this.has(0) && this.used().length === 0;
  }
}
