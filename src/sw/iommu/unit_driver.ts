/**
 * What a kernel asks of the driver of an IOMMU, whoever made the unit: domains, devices in them, flushes, refusals.
 *
 * A driver brings its unit up when it is made: tables, queue, log, translation on.
 */
import type { TableRoot } from "../../table/index.js";
import type { DomainFlushes, UnitPorts } from "./ports.js";

/** A device that is attached to a domain. */
export interface AttachedDevice {
  readonly requester: number;
  /** It has a TLB of its own. */
  readonly ats: boolean;
}

/** Addresses of their own for devices. */
export interface UnitDomain {
  /** The tag of its translations in the unit's caches: domain id, or address space id. */
  readonly id: number;
  readonly root: TableRoot;
}

/**
 * Addresses of a guest's devices: tables in the guest's memory lead to addresses of that memory, and the domain's own, a second
 * stage, from there on.
 */
export interface NestedDomain extends UnitDomain {
  /** The guest's entry of the device: of its PASID table, its device table or its stream table. */
  readonly guest: Uint32Array;
}

/** What a device is led to: tables, itself, or nowhere. */
export type LedTo = UnitDomain | NestedDomain | "pass-through" | "blocked";

export const isNested = (to: UnitDomain): to is NestedDomain => "guest" in to;

/** A refusal as the unit recorded it. */
export interface UnitFault {
  readonly requester: number;
  /** Byte address that was asked for, of its page at least. */
  readonly address: number;
  /** The unit's own number of the reason. */
  readonly code: number;
  readonly write: boolean;
}

/** What became of commands that were given to a unit. */
export type Submitted =
  /** The unit said that they are carried out. */
  | "done"
  /** It never will: a device did not answer, or the queue stopped. */
  | "unanswered";

/** Who wants to know of the commands that are posted. @param command its words */
export type Posted = (command: Uint32Array) => void;

export interface UnitDriverOptions {
  readonly ports: UnitPorts;
  /** The highest requester id that firmware tells of: as far as device tables go. */
  readonly lastRequester: number;
  /** Whose tables domains have, where a unit has both. Left out: as kernels choose. */
  readonly stage?: "first" | "second";
  /** Told of each command, those that wait among them. */
  readonly posted?: Posted;
}

export interface UnitDriver {
  /** A new domain, no device in it yet. */
  createDomain(): UnitDomain;
  /**
   * Put a device into a domain, let it pass untranslated, or block it, and make the unit look again.
   * @throws Misuse `not-nested` where the driver's mode knows no second stage below a guest's
   */
  attach(device: AttachedDevice, to: LedTo): void;
  /** How one domain's caches are flushed. @param devices of it, those with a TLB of their own among them */
  flushesOf(domain: UnitDomain, devices: readonly AttachedDevice[]): DomainFlushes;
  /** Commands of the vendor's, and a wait behind them. */
  submit(commands: readonly Uint32Array[]): Submitted;
  /** What the unit has recorded, oldest first, and off the record with it: what the handler of its interrupt does. */
  takeFaults(): readonly UnitFault[];
}
