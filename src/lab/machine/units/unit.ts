/** Units as programs and the run see them: a device, the driver of it, and what programs share of both. */
import type { Actor } from "../../../sim/actor.js";
import type { DiskDriver } from "../../../sw/driver/disk_driver.js";
import type { NicDriver, Piece } from "../../../sw/driver/nic_driver.js";
import type { MachineDevice } from "../platform/devices.js";

/** A device that works, whatever it is. */
export interface Unit {
  readonly device: MachineDevice;
  /** The device, its driver, and who is at the other end of its wire. */
  readonly actors: readonly Actor[];
  /** The device alone. */
  readonly hardware: Actor;
  /** Let go of what the driver holds; while requests are under way it keeps all of it. */
  close(): void;
}

/** A driver of a disk, by DMA or without. */
export type BlockDriver = Pick<DiskDriver, "submit" | "idle" | "close" | "ready" | "step">;

/** A disk with its driver; each program has a part of it for itself. */
export interface DiskUnit extends Unit {
  readonly driver: BlockDriver;
  /** What the disk holds now, all of it. */
  readonly medium: Uint8Array;
  /** @returns the first of `sectorsEach` sectors that nobody else is given. */
  takeSectors(): number;
}

/** Sectors of 512 bytes that each program has for itself. */
export const sectorsEach = 8192;

/** Who awaits what goes over the wire, and what the station there has for him. */
export interface WireEnd {
  /** The station took a packet of this program from the wire. */
  onWire(packet: Uint8Array): void;
  /** What the station will put on the wire, oldest first. */
  readonly fromStation: Uint8Array[];
}

/** A program's place on the bridge. */
export interface BridgePort {
  /** null: nobody at the station knows this program. */
  readonly wire: WireEnd | null;
  /** A packet came for it; its pages are its own from now on. */
  readonly take: (pieces: readonly Piece[]) => void;
}

/** A network controller, its driver, and the bridge between it and the programs. */
export interface NicUnit extends Unit {
  readonly driver: NicDriver;
  /** Put a program's port on the bridge, or another in its place. @param number the last byte of its address */
  connect(number: number, port: BridgePort): void;
  /** Someone on the wire sends a packet. @returns false when the controller has no room for it. */
  receive(packet: Uint8Array): boolean;
}
