/** Drivers as Linux has them: programs that map buffers, write descriptors, ring doorbells and take completions. */
import { type Address, address, frameBytes } from "../../base/frame.js";
import { joined } from "../../base/joined.js";
import type { Interrupt } from "../../bus/interrupt.js";
import type { Registers } from "../../bus/registers.js";
import { DiskDriver as DiskDriverProgram } from "../../sw/driver/disk_driver.js";
import { NicDriver as NicDriverProgram } from "../../sw/driver/nic_driver.js";
import { BadOption, checkNames, wholeNumber } from "../work_options.js";
import { insideOf, type Kernel } from "./kernel.js";

/** What every driver is: steps for who lets it run. */
export interface Driver {
  /** Nothing is waiting or under way. */
  readonly idle: boolean;
  /** Is there a step that it can take now? */
  ready(): boolean;
  /** Take what completed, put right a device that has stopped, or start what waits. */
  step(): void;
}

/** A piece of memory, by physical address. */
export interface Piece {
  readonly phys: Address;
  /** Bytes. */
  readonly size: number;
}

/** One transfer between memory and a disk. */
export interface Transfer {
  readonly toDisk: boolean;
  /** Block of 512 bytes on the disk. */
  readonly block: number;
  /** Whole blocks together. */
  readonly list: readonly Piece[];
  /** Called when it has ended. @param error null when every byte was moved */
  done(error: string | null): void;
}

/** The driver of a disk with NVMe's queues. */
export interface DiskDriver extends Driver {
  /** Queue a transfer; transfers start in this order. */
  submit(transfer: Transfer): void;
  /** Give the queues back, once it is idle. */
  close(): void;
  /** Times that the controller had stopped and was reset. */
  readonly resets: number;
}

/** The driver of a network card with descriptor rings. */
export interface NicDriver extends Driver {
  /** Send a packet. @param o.done is told what became of it: null when the card has read every byte */
  send(o: { readonly list: readonly Piece[]; done(error: string | null): void }): void;
  /** Give the rings back, once it is idle. */
  close(): void;
  /** Times that the controller had stopped and was reset. */
  readonly resets: number;
}

/** What a driver drives: registers and an interrupt, of a device of `dmalab/device` or of your own. */
export interface DriverOptions {
  readonly kernel: Kernel;
  /** Its device in the kernel's description. */
  readonly bdf: string;
  readonly registers: Registers;
  readonly interrupt: Interrupt;
}

/** What a disk's driver is made of. */
export interface DiskDriverOptions extends DriverOptions {
  /** Entries of each queue. Default: 32. */
  readonly entries?: number;
}

/** What a network card's driver is made of. */
export interface NicDriverOptions extends DriverOptions {
  /** PCI's command and status register of the card. */
  readonly configuration: Registers;
  /** Entries of each ring. Default: 64. */
  readonly entries?: number;
  /** A packet came: its bytes. Default: it is dropped. */
  readonly received?: (packet: Uint8Array) => void;
}

/** Make a disk's driver, which enables its controller. @throws BadOption; Misuse when it gets no memory for its queues. */
export function createDiskDriver(options: DiskDriverOptions): DiskDriver {
  const o = checkNames(options, ["kernel", "bdf", "registers", "interrupt", "entries"]);
  const resets = new Resets();
  const { onReset } = resets;
  const driver = new DiskDriverProgram({ ...partsOf(o), ...entriesOf(o.entries, frameBytes), onReset });
  const submit = ({ list, block, ...rest }: Transfer) => {
    wholeNumber("block", block, 0, Number.MAX_SAFE_INTEGER);
    checkList(list, 512);
    driver.submit({ list, block, toDisk: rest.toDisk, done: (error) => rest.done(error) });
  };
  return stepped(driver, resets, { submit, close: () => driver.close() });
}

/** Make a network card's driver. @throws BadOption; Misuse when it gets no memory for its rings. */
export function createNicDriver(options: NicDriverOptions): NicDriver {
  const known = ["kernel", "bdf", "registers", "interrupt", "configuration", "entries", "received"] as const;
  const o = checkNames(options, known);
  if (o.received !== undefined && typeof o.received !== "function") {
    throw new BadOption("received", o.received, "a function was expected");
  }
  const { host, memory } = insideOf(o.kernel);
  const { kernel } = host;
  const resets = new Resets();
  const parts = { ...partsOf(o), configuration: o.configuration, kernel, ...entriesOf(o.entries, frameBytes) };
  const driver = new NicDriverProgram({ ...parts, onReset: resets.onReset });
  driver.received = (pieces) => {
    const bytes = pieces.map(({ page, offset, size }) => {
      const piece = new Uint8Array(size);
      memory.read(page * frameBytes + offset, piece);
      return piece;
    });
    for (const { page } of pieces) kernel.freePages(page, 0);
    o.received?.(joined(bytes));
  };
  const send: NicDriver["send"] = ({ list, done }) => {
    checkList(list, 1);
    driver.send({ list, done: (error) => done(error) });
  };
  return stepped(driver, resets, { send, close: () => driver.close() });
}

function partsOf({ kernel, bdf, registers, interrupt }: DriverOptions) {
  const { memory, api } = insideOf(kernel);
  return { memory, api: api(bdf), registers, interrupt };
}

const entriesOf = (entries: number | undefined, most: number) =>
  entries === undefined ? {} : { entries: wholeNumber("entries", entries, 2, most) };

function checkList(list: readonly Piece[], step: number): void {
  let bytes = 0;
  for (const [n, { phys, size }] of list.entries()) {
    address(phys);
    bytes += wholeNumber(`list.${n}.size`, size, 1, 2 ** 30);
  }
  wholeNumber("list", bytes, step, 2 ** 30, step);
}

/** How often a driver has told of one. */
class Resets {
  count = 0;
  readonly onReset = (): void => void this.count++;
}

function stepped<M extends object>(driver: Driver, resets: Resets, more: M): Driver & { readonly resets: number } & M {
  return {
    ...more,
    get idle() {
      return driver.idle;
    },
    get resets() {
      return resets.count;
    },
    ready: () => driver.ready(),
    step: () => driver.step(),
  };
}
