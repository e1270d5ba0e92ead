/** What a program is built of, and what it is to those who run and report it. */
import type { Rng } from "../../../base/rng.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { Actor } from "../../../sim/actor.js";
import type { GuestKernel } from "../../../sw/xen/guest_kernel.js";
import type { ProgramDescription } from "../description/schema.js";
import type { Switchable } from "../load/switch_load.js";
import type { GuestDomain, XenHost } from "../platform/host.js";
import type { Reservation } from "../platform/reservation.js";

/** A line of the workload. */
export interface Line {
  readonly description: ProgramDescription;
  /** Which line it is, from 0 on. */
  readonly n: number;
  readonly rng: Rng;
}

/** What a program of the kernel that drives the devices is given. */
export interface OwnSite extends Line {
  readonly kernel: GuestKernel;
  /** Its memory as its drivers see it: watched when there are checks. */
  readonly memory: ByteMemory;
}

/** What a program of a guest is given: the guest's side, and that of the kernel where its back end works. */
export interface GuestSite extends Line {
  readonly front: GuestDomain;
  readonly back: XenHost;
}

/** What a program is given that works on a domain's own memory. */
export interface MemorySite extends Line {
  readonly kernel: GuestKernel;
  readonly reservation: Reservation;
  /** On the processors of that domain. */
  readonly onProcessors: (actor: Actor) => Actor;
}

/** What a program is given that has a device switched. */
export interface SwitchSite extends Line {
  readonly device: Switchable;
}

/** A program that runs, and how it ends. */
export interface Program {
  readonly description: ProgramDescription;
  readonly actors: readonly Actor[];
  readonly requests: () => { readonly issued: number; readonly ended: number; readonly failed: number };
  readonly bytes: () => { readonly written: number; readonly read: number };
  /** Requests and places whose bytes are wrong, in words. @param idle nothing is under way: what has not come is lost */
  readonly wrong: (idle: boolean) => readonly string[];
  /** What a back end refused: each kind once, with how many there were and the first of them in words. */
  readonly refusals: () => readonly string[];
  /** How many there were in all. */
  readonly refused: () => number;
  /** What else there is to say. */
  readonly notes: () => readonly string[];
  /** Let go of everything that the program holds. */
  readonly close: () => void;
}
