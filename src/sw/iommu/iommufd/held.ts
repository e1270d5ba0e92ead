/** What a program has by an id. */
import type { GroupDevice } from "../group/driver.js";
import type { Group } from "../group/group.js";

/** An address space: what all domains that are made of it map. */
interface AddressSpace {
  readonly type: "ioas";
}

/** A domain that a program has. */
export interface HeldDomain {
  readonly type: "hwpt";
  /** Its number in the driver's book. */
  readonly domain: number;
  /** The address space that it maps, or the domain that it is nested in. */
  readonly of: number;
  /** Made because a device was to lead to an address space: it goes with its last user. */
  readonly isAutomatic: boolean;
  /** Devices that lead to it, each as often as it does. */
  users: number;
}

export interface BoundDevice {
  readonly type: "device";
  readonly group: Group;
  readonly device: GroupDevice;
}

export type Held = AddressSpace | HeldDomain | BoundDevice;
