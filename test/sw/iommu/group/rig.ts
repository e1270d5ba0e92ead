/** A book of domains, a driver whose unit is a list, and groups on it. */
import { MachineState } from "../../../../src/state/index.js";
import type { AttachBugId } from "../../../../src/sw/iommu/group/bugs.js";
import { DomainBook } from "../../../../src/sw/iommu/group/domain_book.js";
import type { GroupDevice } from "../../../../src/sw/iommu/group/driver.js";
import { EntryDriver, type EntryDriverOptions } from "../../../../src/sw/iommu/group/entry_driver.js";
import { Group } from "../../../../src/sw/iommu/group/group.js";

export interface RigOptions extends Partial<Pick<EntryDriverOptions, "refuses" | "mapsNot">> {
  readonly pasids?: number;
  readonly domains?: number;
  readonly bugs?: readonly AttachBugId[];
  /** The driver has a domain that blocks. Default true. */
  readonly blocks?: boolean;
}

export const device = (number: number, o: Partial<GroupDevice> = {}): GroupDevice => ({
  ...{ number, maxPasids: 0, regions: [] },
  ...o,
});

/** @param groups the devices of each */
export function rig(groups: readonly (readonly GroupDevice[])[], o: RigOptions = {}) {
  const state = new MachineState();
  const domains = new DomainBook(state, o.domains ?? 16);
  const made = (kind: "blocked" | "identity") => domains.allocate({ kind }) as number;
  const blocked = o.blocks === false ? 0 : made("blocked");
  const bugs = new Set(o.bugs);
  const pasids = o.pasids ?? 1;
  const devices = groups.flat().length;
  const driver = new EntryDriver({ ...o, state, domains, devices, pasids, blocked, identity: made("identity"), bugs });
  const warnings: string[] = [];
  const list = groups.map(
    (members, n) =>
      new Group({
        ...{ state, driver, devices: members, pasids, bugs, name: `group ${n}` },
        warned: (what) => warnings.push(what),
      }),
  );
  return { state, domains, driver, groups: list, warnings, bugs };
}

export const paging = (domains: DomainBook, pasids = false) => domains.allocate({ kind: "paging", pasids }) as number;
