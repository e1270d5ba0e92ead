/** Devices as hardware: what stands on the other side of a driver's registers and queues. */
import { type DmaPort, requesterOf } from "../../bus/dma_port.js";
import type { Interrupt } from "../../bus/interrupt.js";
import type { Registers } from "../../bus/registers.js";
import { Disk as DiskModel } from "../../hw/device/disk.js";
import { Nic as NicModel } from "../../hw/device/nic.js";
import { BadOption, checkNames, wholeNumber } from "../work_options.js";

/** What every device has: registers and an interrupt for its driver, and steps for who lets it run. */
export interface Device {
  /** As software sees them: `nvme.nvmeRegisters` and `e1000.nicRegisters` of `dmalab/spec` say which is where. */
  readonly registers: Registers;
  /** How it asks for its driver. */
  readonly interrupt: Interrupt;
  /** Nothing is under way. */
  readonly idle: boolean;
  /** Is there a step that it can take now? */
  ready(): boolean;
  /** Do one thing that another may come before and after: fetch a command, move one buffer, write a completion. */
  step(): void;
}

/** A disk with one submission and one completion queue, as NVMe has them. */
export interface Disk extends Device {
  /** What is on it. */
  readonly medium: Uint8Array;
}

/** A network card with a transmit and a receive ring, as the Intel 8254x has them. */
export interface Nic extends Device {
  /** PCI's command and status register: a received master abort says that the bus refused a descriptor. */
  readonly configuration: Registers;
  /** A packet comes from the wire. @returns false when it was dropped. */
  receive(packet: Uint8Array): boolean;
}

/** Where a device stands. */
export interface DeviceOptions {
  /** What it masters: `bus` of a kernel, or one of your own. */
  readonly bus: DmaPort;
  /** Its address on the bus, `0000:00:03.0`. */
  readonly bdf: string;
  /** Address lines: bits above are cut off. Default: 64. */
  readonly addressBits?: number;
}

/** What a disk is made of. */
export interface DiskOptions extends DeviceOptions {
  /** Blocks of 512 bytes. */
  readonly blocks: number;
}

/** What a network card is made of. */
export interface NicOptions extends DeviceOptions {
  /** A packet goes out on the wire. */
  readonly emit: (packet: Uint8Array) => void;
}

/** As many as one array of bytes holds: 2 GiB. */
const blocksMax = 2 ** 22;

/** Make a disk full of zeros. @throws BadOption */
export function createDisk(options: DiskOptions): Disk {
  const o = checkNames(options, ["bus", "bdf", "addressBits", "blocks"]);
  return new DiskModel({ ...placeOf(o), blocks: wholeNumber("blocks", o.blocks, 1, blocksMax) });
}

/** Make a network card. @throws BadOption */
export function createNic(options: NicOptions): Nic {
  const o = checkNames(options, ["bus", "bdf", "addressBits", "emit"]);
  if (typeof o.emit !== "function") throw new BadOption("emit", o.emit, "a function was expected");
  return new NicModel({ ...placeOf(o), emit: o.emit });
}

function placeOf({ bus, bdf, addressBits = 64 }: DeviceOptions) {
  const requester = typeof bdf === "string" ? requesterOf(bdf) : null;
  if (requester === null) throw new BadOption("bdf", bdf, "a device such as 0000:00:03.0 was expected");
  if (typeof bus?.read !== "function") throw new BadOption("bus", bus, "something that reads and writes was expected");
  return { port: bus, requester, addressBits: wholeNumber("addressBits", addressBits, 1, 64) };
}

/** Let devices and drivers take steps, in turn, until none has anything to do. @returns how many steps that took. */
export function runUntilIdle(actors: readonly Pick<Device, "ready" | "step">[]): number {
  let steps = 0;
  for (let idle = false; !idle; ) {
    idle = true;
    for (const actor of actors) {
      if (!actor.ready()) continue;
      actor.step();
      steps++;
      idle = false;
    }
  }
  return steps;
}
