/**
 * A network controller with a transmit and a receive ring of descriptors in memory, as the Intel 8254x has them.
 *
 * Each step is one thing that another may come between: a descriptor fetched, a buffer read or written, a descriptor
 * written back. Both directions take turns. Where the bus refuses a descriptor nobody can be told: the controller stops
 * until it is reset, and only its PCI status says why.
 * Source: Intel 317453, 3.2 (receive) and 3.3 (transmit); PCI Local Bus Specification 3.0, 6.2.3 (status).
 */
import { type Field, read, write } from "../../bits/index.js";
import type { DmaOutcome, DmaPort } from "../../bus/dma_port.js";
import type { Interrupt } from "../../bus/interrupt.js";
import { RegisterFile } from "../../bus/registers.js";
import { nicBufferBytes, nicDescriptorBytes, RxDescriptor, TxDescriptor } from "../../spec/e1000/descriptors.js";
import { DeviceControl, InterruptCause, nicRegisters } from "../../spec/e1000/registers.js";
import { CommandAndStatus, pciCommandAndStatus } from "../../spec/pcie/command_status.js";
import { MachineState } from "../../state/machine_state.js";
import { type Cell, type CellArray, cell, cells, type Live, record } from "../../state/record.js";
import { Master } from "./master.js";

export interface NicOptions {
  readonly port: DmaPort;
  readonly requester: number;
  /** Address lines. */
  readonly addressBits?: number;
  /** A packet goes out on the wire. */
  readonly emit: (packet: Uint8Array) => void;
  /** Told of each packet that goes no further: from the wire without room for it, or out and its bytes could not be read. */
  readonly lost?: (why: "no room" | "unread") => void;
  /** Where its state is kept, but for the packets that wait for descriptors. */
  readonly state?: MachineState;
}

/** Packets that wait for descriptors before the wire's next one is dropped. */
const fifoMax = 64;
/** A packet that grows beyond this is cut off: the transmit memory is no larger. */
const packetMax = 16384;

/** What comes next of the descriptor at hand. */
const Stage = { fetch: 0, data: 1, writeBack: 2 } as const;
type Stage = (typeof Stage)[keyof typeof Stage];

const flag = (doc: string) => cell<0 | 1>(doc);
const stage = (doc: string): Cell<Stage> => cell<Stage>(doc);

const NicState = record("network controller", {
  txHead: cell("index of the next transmit descriptor"),
  rxHead: cell("index of the next receive descriptor"),
  txStage: stage("what comes next of the transmit descriptor"),
  rxStage: stage("what comes next of the receive descriptor"),
  tx: cells(nicDescriptorBytes / 4, "the transmit descriptor as it was fetched"),
  rx: cells(nicDescriptorBytes / 4, "the receive descriptor as it was fetched"),
  turn: flag("1 = it was the transmit ring's turn"),
  aborted: flag("the bus refused a descriptor"),
  outBytes: cell("bytes of the packet that is being sent"),
  unread: flag("bytes of that packet could not be read"),
  written: cell("how far the first packet from the wire has been written"),
});

const TransmitMemory = record("network controller's transmit memory", {
  words: cells(packetMax / 4, "what was read of the packet that is being sent, four bytes each"),
});

export class Nic {
  readonly master: Master;
  readonly registers: RegisterFile<keyof typeof nicRegisters.registers>;
  /** Command and status of PCI: a received master abort says that the bus refused a descriptor; nothing more is done then. */
  readonly configuration: RegisterFile<"commandAndStatus">;
  /** Raised while a cause of interrupt was not read. */
  readonly interrupt: Interrupt;
  readonly #o: NicOptions;
  readonly #s: Live<typeof NicState.drafts>;
  readonly #transmit: CellArray;
  /** Packets from the wire that wait for descriptors. */
  readonly #fifo: Uint8Array[] = [];
  readonly #words = new Uint32Array(nicDescriptorBytes / 4);
  readonly #packet = new Uint32Array(packetMax / 4);

  constructor(o: NicOptions) {
    const { state = new MachineState() } = o;
    this.#o = o;
    this.master = new Master(o.port, o.requester, o.addressBits);
    this.#s = state.place(NicState);
    this.#transmit = state.place(TransmitMemory).words;
    this.registers = new RegisterFile(nicRegisters, { state, written: (r) => this.#registerWritten(r.name) });
    this.configuration = new RegisterFile(pciCommandAndStatus, { state });
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
      this.#o.lost?.("no room");
      return false;
    }
    this.#fifo.push(packet);
    return true;
  }

  get idle(): boolean {
    return !this.#sends && this.#fifo.length === 0;
  }

  ready(): boolean {
    return this.#s.aborted === 0 && (this.#sends || this.#receives);
  }

  #registerWritten(name: string): void {
    if (name === "control" && this.registers.read("control", DeviceControl.reset) === 1) this.#reset();
  }

  /** CTRL.RST, which clears itself: the rings begin anew, and what was under way is forgotten. */
  #reset(): void {
    const s = this.#s;
    this.registers.reset();
    this.configuration.reset();
    s.txHead = s.rxHead = 0;
    this.#fifo.length = s.written = 0;
    this.#forgetPacket();
    s.txStage = s.rxStage = Stage.fetch;
    s.aborted = 0;
  }

  step(): void {
    const s = this.#s;
    s.turn = s.turn === 1 ? 0 : 1;
    if (this.#sends && (s.turn === 1 || !this.#receives)) this.#send();
    else this.#receive();
  }

  get #sends(): boolean {
    return this.#s.txHead !== this.registers.get("transmitTail");
  }

  get #receives(): boolean {
    return this.#fifo.length > 0 && this.#s.rxHead !== this.registers.get("receiveTail");
  }

  #send(): void {
    const s = this.#s;
    const d = this.#words;
    const at = this.registers.get("transmitBase") + s.txHead * nicDescriptorBytes;
    if (s.txStage === Stage.fetch) {
      if (this.#fetched(at, s.tx)) s.txStage = Stage.data;
      return;
    }
    s.tx.copyTo(d);
    if (s.txStage === Stage.data) {
      this.#readPart(d);
      s.txStage = Stage.writeBack;
      return;
    }
    if (read(d, 0, TxDescriptor.endOfPacket) === 1) this.#launch();
    write(d, 0, TxDescriptor.done, 1);
    if (read(d, 0, TxDescriptor.reportStatus) === 1) {
      if (!this.#done(this.master.write(at + 12, asBytes(d).subarray(12)))) return;
      this.#raise(InterruptCause.sent);
    }
    s.txHead = (s.txHead + 1) % (this.registers.get("transmitLength") / nicDescriptorBytes);
    this.registers.set("transmitHead", s.txHead);
    s.txStage = Stage.fetch;
  }

  #fetched(at: number, into: CellArray): boolean {
    if (!this.#done(this.master.read(at, asBytes(this.#words)))) return false;
    into.copyFrom(this.#words);
    return true;
  }

  #done(outcome: DmaOutcome): boolean {
    if (outcome === "done") return true;
    this.#s.aborted = 1;
    this.configuration.set("commandAndStatus", 0);
    this.configuration.write("commandAndStatus", CommandAndStatus.receivedMasterAbort, 1);
    return false;
  }

  #raise(cause: Field<0 | 1>): void {
    this.registers.write("interruptCause", cause, 1);
  }

  /** The bytes of a descriptor go behind those that are there. */
  #readPart(d: Uint32Array): void {
    const s = this.#s;
    const count = Math.min(read(d, 0, TxDescriptor.length), packetMax - s.outBytes);
    const rest = s.outBytes % 4;
    const first = (s.outBytes - rest) / 4;
    const words = this.#packet.subarray(0, Math.ceil((rest + count) / 4)).fill(0);
    if (rest > 0) words[0] = this.#transmit.get(first);
    const part = asBytes(this.#packet).subarray(rest, rest + count);
    if (count > 0 && this.master.read(read(d, 0, TxDescriptor.address), part) !== "done") s.unread = 1;
    this.#transmit.copyFrom(words, first);
    s.outBytes += count;
  }

  #launch(): void {
    if (this.#s.unread === 1) this.#o.lost?.("unread");
    else {
      this.#transmit.copyTo(this.#packet.subarray(0, Math.ceil(this.#s.outBytes / 4)));
      this.#o.emit(asBytes(this.#packet).slice(0, this.#s.outBytes));
    }
    this.#forgetPacket();
  }

  /** Equal states are equal whatever was sent before: nothing stays of it. */
  #forgetPacket(): void {
    const s = this.#s;
    this.#transmit.copyFrom(this.#packet.subarray(0, Math.ceil(s.outBytes / 4)).fill(0));
    s.outBytes = 0;
    s.unread = 0;
  }

  #receive(): void {
    const s = this.#s;
    const d = this.#words;
    const at = this.registers.get("receiveBase") + s.rxHead * nicDescriptorBytes;
    const packet = this.#fifo[0]!;
    if (s.rxStage === Stage.fetch) {
      if (this.#fetched(at, s.rx)) s.rxStage = Stage.data;
      return;
    }
    s.rx.copyTo(d);
    const count = Math.min(nicBufferBytes, packet.length - s.written);
    if (s.rxStage === Stage.data) {
      this.master.write(read(d, 0, RxDescriptor.address), packet.subarray(s.written, s.written + count));
      s.rxStage = Stage.writeBack;
      return;
    }
    const ends = s.written + count === packet.length;
    write(d, 0, RxDescriptor.length, count);
    write(d, 0, RxDescriptor.done, 1);
    write(d, 0, RxDescriptor.endOfPacket, ends ? 1 : 0);
    if (!this.#done(this.master.write(at + 8, asBytes(d).subarray(8)))) return;
    s.rxHead = (s.rxHead + 1) % (this.registers.get("receiveLength") / nicDescriptorBytes);
    this.registers.set("receiveHead", s.rxHead);
    s.rxStage = Stage.fetch;
    this.#raise(InterruptCause.received);
    s.written += count;
    if (!ends) return;
    this.#fifo.shift();
    s.written = 0;
  }
}

const asBytes = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer);
