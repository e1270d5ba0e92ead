/**
 * A network controller with a transmit and a receive ring of descriptors in memory, as the Intel 8254x has them.
 *
 * Each step is one thing that another may come between: a descriptor fetched, a buffer read or written, a descriptor
 * written back. Both directions take turns. Where the bus refuses a descriptor nobody can be told: the controller stops
 * until it is reset, and only its PCI status says why.
 * Source: Intel 317453, 3.2 (receive) and 3.3 (transmit); PCI Local Bus Specification 3.0, 6.2.3 (status).
 */
import { joined } from "../../base/joined.js";
import { type Field, read, write } from "../../bits/index.js";
import type { DmaOutcome, DmaPort } from "../../bus/dma_port.js";
import type { Interrupt } from "../../bus/interrupt.js";
import { RegisterFile } from "../../bus/registers.js";
import { nicBufferBytes, nicDescriptorBytes, RxDescriptor, TxDescriptor } from "../../spec/e1000/descriptors.js";
import { DeviceControl, InterruptCause, nicRegisters } from "../../spec/e1000/registers.js";
import { CommandAndStatus, pciCommandAndStatus } from "../../spec/pcie/command_status.js";
import { Master } from "./master.js";

export interface NicOptions {
  readonly port: DmaPort;
  readonly requester: number;
  /** Address lines. */
  readonly addressBits?: number;
  /** A packet goes out on the wire. */
  readonly emit: (packet: Uint8Array) => void;
}

/** Packets that wait for descriptors before the wire's next one is dropped. */
const fifoMax = 64;
/** A packet that grows beyond this is cut off: the transmit memory is no larger. */
const packetMax = 16384;

export class Nic {
  readonly master: Master;
  readonly registers: RegisterFile<keyof typeof nicRegisters.registers>;
  /** Command and status of PCI: a received master abort says that the bus refused a descriptor; nothing more is done then. */
  readonly configuration = new RegisterFile(pciCommandAndStatus);
  /** Raised while a cause of interrupt was not read. */
  readonly interrupt: Interrupt;
  /** Packets from the wire that found no room, and packets out whose bytes could not be read. */
  dropped = 0;
  failed = 0;
  readonly #emit: (packet: Uint8Array) => void;
  readonly #fifo: Uint8Array[] = [];
  /** Rings and their entries, and their tails, as they were last written: asked before every step. */
  #txAt = 0;
  #txEntries = 0;
  #txTail = 0;
  #rxAt = 0;
  #rxEntries = 0;
  #rxTail = 0;
  #txHead = 0;
  #rxHead = 0;
  #aborted = false;
  #turn = false;
  /** Bytes of the packet that is being sent; null where one of its reads failed. */
  #out: Uint8Array[] | null = [];
  #outBytes = 0;
  /** How far the first packet of the queue has been written. */
  #written = 0;
  readonly #tx = new Uint32Array(nicDescriptorBytes / 4);
  readonly #rx = new Uint32Array(nicDescriptorBytes / 4);
  /** What comes next of the descriptor at hand. */
  #txStage: "fetch" | "read" | "writeBack" = "fetch";
  #rxStage: "fetch" | "write" | "writeBack" = "fetch";

  constructor(o: NicOptions) {
    this.master = new Master(o.port, o.requester, o.addressBits);
    this.#emit = o.emit;
    this.registers = new RegisterFile(nicRegisters, { written: (r) => this.#registerWritten(r.name) });
    const { registers } = this;
    this.interrupt = {
      get isPending() {
        return registers.get("interruptCause") !== 0;
      },
      enter: () => {},
    };
  }

  /** A packet comes from the wire. @returns false when it was dropped. */
  receive(packet: Uint8Array): boolean {
    if (this.#fifo.length >= fifoMax || packet.length === 0) {
      this.dropped++;
      return false;
    }
    this.#fifo.push(packet);
    return true;
  }

  get idle(): boolean {
    return !this.#sends && this.#fifo.length === 0;
  }

  ready(): boolean {
    return !this.#aborted && (this.#sends || this.#receives);
  }

  #registerWritten(name: string): void {
    const r = this.registers;
    if (name === "control") {
      if (read(Uint32Array.of(r.get("control")), 0, DeviceControl.reset) === 1) this.#reset();
      return;
    }
    this.#txAt = r.get("transmitBase");
    this.#rxAt = r.get("receiveBase");
    this.#txEntries = r.get("transmitLength") / nicDescriptorBytes;
    this.#rxEntries = r.get("receiveLength") / nicDescriptorBytes;
    this.#txTail = r.get("transmitTail");
    this.#rxTail = r.get("receiveTail");
  }

  /** CTRL.RST, which clears itself: the rings begin anew, and what was under way is forgotten. */
  #reset(): void {
    this.registers.reset();
    this.configuration.reset();
    this.#txTail = this.#rxTail = this.#txHead = this.#rxHead = 0;
    this.#out = [];
    this.#outBytes = this.#written = 0;
    this.#fifo.length = 0;
    this.#txStage = this.#rxStage = "fetch";
    this.#aborted = false;
  }

  step(): void {
    this.#turn = !this.#turn;
    if (this.#sends && (this.#turn || !this.#receives)) this.#send();
    else this.#receive();
  }

  get #sends(): boolean {
    return this.#txHead !== this.#txTail;
  }

  get #receives(): boolean {
    return this.#fifo.length > 0 && this.#rxHead !== this.#rxTail;
  }

  #send(): void {
    const d = this.#tx;
    const at = this.#txAt + this.#txHead * nicDescriptorBytes;
    if (this.#txStage === "fetch") {
      if (this.#done(this.master.read(at, asBytes(d)))) this.#txStage = "read";
    } else if (this.#txStage === "read") {
      this.#readPart(d);
      this.#txStage = "writeBack";
    } else {
      if (read(d, 0, TxDescriptor.endOfPacket) === 1) this.#launch();
      write(d, 0, TxDescriptor.done, 1);
      if (read(d, 0, TxDescriptor.reportStatus) === 1) {
        if (!this.#done(this.master.write(at + 12, asBytes(d).subarray(12)))) return;
        this.#raise(InterruptCause.sent);
      }
      this.#txHead = (this.#txHead + 1) % this.#txEntries;
      this.registers.set("transmitHead", this.#txHead);
      this.#txStage = "fetch";
    }
  }

  #done(outcome: DmaOutcome): boolean {
    if (outcome === "done") return true;
    this.#aborted = true;
    const status = new Uint32Array(1);
    write(status, 0, CommandAndStatus.receivedMasterAbort, 1);
    this.configuration.set("commandAndStatus", status[0]!);
    return false;
  }

  #raise(cause: Field): void {
    const word = Uint32Array.of(this.registers.get("interruptCause"));
    write(word, 0, cause, 1);
    this.registers.set("interruptCause", word[0]!);
  }

  #readPart(d: Uint32Array): void {
    const from = read(d, 0, TxDescriptor.address);
    const part = new Uint8Array(Math.min(read(d, 0, TxDescriptor.length), packetMax - this.#outBytes));
    if (part.length > 0 && this.master.read(from, part) !== "done") this.#out = null;
    this.#outBytes += part.length;
    this.#out?.push(part);
  }

  #launch(): void {
    if (this.#out === null) this.failed++;
    else this.#emit(joined(this.#out));
    this.#out = [];
    this.#outBytes = 0;
  }

  #receive(): void {
    const d = this.#rx;
    const at = this.#rxAt + this.#rxHead * nicDescriptorBytes;
    const packet = this.#fifo[0]!;
    if (this.#rxStage === "fetch") {
      if (this.#done(this.master.read(at, asBytes(d)))) this.#rxStage = "write";
      return;
    }
    const count = Math.min(nicBufferBytes, packet.length - this.#written);
    if (this.#rxStage === "write") {
      const to = read(d, 0, RxDescriptor.address);
      this.master.write(to, packet.subarray(this.#written, this.#written + count));
      this.#rxStage = "writeBack";
      return;
    }
    this.#written += count;
    const ends = this.#written === packet.length;
    write(d, 0, RxDescriptor.length, count);
    write(d, 0, RxDescriptor.done, 1);
    write(d, 0, RxDescriptor.endOfPacket, ends ? 1 : 0);
    if (!this.#done(this.master.write(at + 8, asBytes(d).subarray(8)))) return;
    this.#rxHead = (this.#rxHead + 1) % this.#rxEntries;
    this.registers.set("receiveHead", this.#rxHead);
    this.#rxStage = "fetch";
    this.#raise(InterruptCause.received);
    if (!ends) return;
    this.#fifo.shift();
    this.#written = 0;
  }
}

const asBytes = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer);
