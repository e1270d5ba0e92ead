/**
 * What a host that gives a guest a unit must know of the vendor: which of the guest's entries it nests, what a command of the
 * guest's may have changed, and what it has its own unit asked for on it.
 */
import type { About } from "../../../bits/layout.js";
import type { AttachedDevice } from "../unit_driver.js";

/** A device whose guest translates for it, as both sides call it. */
export interface GuestTagged {
  readonly device: AttachedDevice;
  /** The tag that the guest gave its domain, and the host's for the same. */
  readonly guestId: number;
  readonly id: number;
}

/** Whose tag a guest's translations have on the host. */
export type TagOf =
  /** One for each time that a device is nested: VT-d, where each of the guest's tables has a domain of the host. */
  | "attachment"
  /** One for each domain of the guest: AMD-Vi. */
  | "guest domain"
  /** That of the second stage, and the guest's own beneath it: SMMUv3, where VMIDs have ASIDs. */
  | "second stage";

export interface GuestVendor {
  /** The entry by which a device comes to the guest's tables. */
  readonly entry: About;
  readonly tagOf: TagOf;
  /** May another entry stand in the guest's tables than was nested? */
  readonly changesEntries: (command: Uint32Array) => boolean;
  /**
   * @param devices those with tables of the guest @param second the tag of the second stage
   * @returns commands for the host's unit; none where it has nothing to forget
   */
  readonly carriedOver: (
    command: Uint32Array,
    o: { readonly devices: readonly GuestTagged[]; readonly second: number },
  ) => readonly Uint32Array[];
}
