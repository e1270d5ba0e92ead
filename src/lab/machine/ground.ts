/** What programs of a machine are built on, and what a program is to those who run and report it. */
import type { Rng } from "../../base/rng.js";
import type { Disk } from "../../hw/device/disk.js";
import type { Nic } from "../../hw/device/nic.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import type { Actor } from "../../sim/actor.js";
import type { Checker } from "../../sw/dma/index.js";
import type { DiskDriver } from "../../sw/driver/disk_driver.js";
import type { NicDriver, Piece } from "../../sw/driver/nic_driver.js";
import type { Described } from "./description.js";
import type { MachineDevice } from "./devices.js";
import type { Host } from "./host.js";
import type { NetLoad } from "./net_load.js";
import type { ProgramDescription } from "./schema.js";

/** What stands when programs are built, and what they share: one disk and one driver for each device. */
export interface Ground {
  readonly described: Described;
  readonly host: Host;
  readonly checker: Checker | null;
  readonly devices: readonly MachineDevice[];
  readonly rng: Rng;
  /** The host's memory as its drivers see it: watched when there are checks. */
  readonly memory: ByteMemory;
  readonly disks: Map<string, DiskUnit>;
  readonly nics: Map<string, NicUnit>;
}

/** A driver of a disk, as programs and the run see it. */
export type BlockDriver = Pick<DiskDriver, "submit" | "idle" | "close" | "ready" | "step">;

export interface DiskUnit {
  readonly disk: Disk;
  readonly driver: BlockDriver;
  /** Sectors that programs were given so far. */
  used: number;
}

/** A program's place on the bridge. */
export interface BridgePort {
  readonly load: NetLoad | null;
  /** A packet came for it; its pages are its own from now on. */
  readonly take: (pieces: readonly Piece[]) => void;
}

/** A network controller, its driver, and the bridge between it and the programs. */
export interface NicUnit {
  readonly nic: Nic;
  readonly driver: NicDriver;
  readonly ports: Map<number, BridgePort>;
  readonly actors: readonly Actor[];
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
  readonly notes?: () => readonly string[];
  /** Let go of everything that the program holds. */
  readonly close: () => void;
}
