/**
 * The driver of a network controller with descriptor rings: it maps what it sends as a list, keeps the receive ring
 * filled with pages of its own, and hands over the pages of what came.
 *
 * Source: Linux drivers/net/ethernet/intel/e1000/e1000_main.c (e1000_tx_map, e1000_clean_tx_irq, e1000_clean_rx_irq,
 * e1000_alloc_rx_buffers, e1000_watchdog, e1000_reset_task).
 */

import { assert, Misuse } from "../../base/assert.js";
import { frameBytes, type Pfn } from "../../base/frame.js";
import { u64High, u64Low } from "../../base/u64.js";
import { read, write } from "../../bits/index.js";
import type { Interrupt } from "../../bus/interrupt.js";
import type { Registers } from "../../bus/registers.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import { Direction } from "../../spec/dma/direction.js";
import { nicBufferBytes, nicDescriptorBytes, RxDescriptor, TxDescriptor } from "../../spec/e1000/descriptors.js";
import { DeviceControl, nicRegisters } from "../../spec/e1000/registers.js";
import { CommandAndStatus, pciCommandAndStatus } from "../../spec/pcie/command_status.js";
import type { Coherent, DmaApi, ListEntry, MappedList } from "../dma/index.js";
import type { GuestKernel } from "../xen/index.js";

const r = nicRegisters.registers;
const { commandAndStatus } = pciCommandAndStatus.registers;

export interface NicDriverOptions {
  readonly kernel: GuestKernel;
  readonly memory: ByteMemory;
  readonly api: DmaApi;
  /** Of the controller, laid out as `spec/e1000/registers` says. */
  readonly registers: Registers;
  /** PCI's command and status: the bus refused a descriptor, and the controller has stopped. */
  readonly configuration: Registers;
  readonly interrupt: Interrupt;
  readonly entries?: number;
  /** Told when the controller had stopped and is reset. */
  readonly onReset?: () => void;
}

/** A packet to send, in pieces of memory. */
export interface Outgoing {
  readonly list: readonly ListEntry[];
  /** @param error null when the controller has read every byte */
  done(error: string | null): void;
}

/** A piece of a packet that came; whoever is given it frees the page. */
export interface Piece {
  readonly page: Pfn;
  readonly offset: number;
  readonly size: number;
}

interface Flight {
  readonly packet: Outgoing;
  readonly mapped: MappedList;
}

/** How often the watchdog asks for a first buffer again before it is taken that there will be none. */
const looksMax = 10_000;

const resetWord = new Uint32Array(1);
write(resetWord, 0, DeviceControl.reset, 1);
const resetBit = resetWord[0]!;

export class NicDriver {
  /** Packets that came are given to this. */
  received: (pieces: readonly Piece[]) => void;
  readonly #kernel: GuestKernel;
  readonly #memory: ByteMemory;
  readonly #api: DmaApi;
  readonly #registers: Registers;
  readonly #configuration: Registers;
  readonly #interrupt: Interrupt;
  readonly #entries: number;
  readonly #tx: Coherent;
  readonly #rx: Coherent;
  readonly #words = new Uint32Array(nicDescriptorBytes / 4);
  readonly #word = new Uint32Array(1);
  readonly #waiting: Outgoing[] = [];
  /** What each transmit descriptor ends; null for those in the middle of a packet. */
  readonly #flights: (Flight | null)[];
  /** Page and bus address under each receive descriptor. */
  readonly #buffers: ({ readonly page: Pfn; readonly bus: number } | null)[];
  #pieces: Piece[] = [];
  /** Where the driver has come in each ring, and how far the controller has. */
  #txTail = 0;
  #rxTail = 0;
  #txHead = 0;
  #rxHead = 0;
  #alive = 0;
  #held = false;
  readonly #onReset: () => void;

  /** @throws Misuse `no-memory` when the rings cannot be had: a driver that cannot start. */
  constructor(o: NicDriverOptions) {
    this.#kernel = o.kernel;
    this.#memory = o.memory;
    this.#api = o.api;
    this.#registers = o.registers;
    this.#configuration = o.configuration;
    this.#interrupt = o.interrupt;
    this.#onReset = o.onReset ?? (() => {});
    this.#entries = o.entries ?? 64;
    const alloc = (): Coherent => {
      const bytes = this.#entries * nicDescriptorBytes;
      const at = o.api.alloc(bytes);
      if (at === null)
        throw new Misuse("no-memory", `a network card's driver takes ${bytes} bytes in one piece for a ring`);
      return at;
    };
    this.#tx = alloc();
    this.#rx = alloc();
    this.#flights = new Array<Flight | null>(this.#entries).fill(null);
    this.#buffers = new Array<null>(this.#entries).fill(null);
    this.received = (pieces) => this.#dropPieces(pieces);
    this.#placeRings();
  }

  get idle(): boolean {
    return this.#alive === 0 && this.#waiting.length === 0;
  }

  send(packet: Outgoing): void {
    this.#waiting.push(packet);
  }

  ready(): boolean {
    return (
      this.#interrupt.isPending ||
      this.#isStopped ||
      this.#mayFill ||
      this.#mayLookAgain ||
      (this.#waiting.length > 0 && this.#mayStart)
    );
  }

  /** One of: take what completed, reset a controller that has stopped, put a buffer under a receive descriptor, start a packet. */
  step(): void {
    if (this.#interrupt.isPending) {
      this.#interrupt.enter();
      this.#registers.read32(r.interruptCause.offset);
      this.#takeSent();
      this.#takeReceived();
    } else if (this.#isStopped) this.#reset();
    else if (this.#mayFill || this.#mayLookAgain) this.#fill();
    else this.#start(this.#waiting[0]!);
  }

  /** Give rings and buffers back. The controller must be idle. */
  close(): void {
    assert(this.idle, "a driver is closed when nothing is in flight");
    this.#dropBuffers();
    this.#api.free(this.#tx, this.#entries * nicDescriptorBytes);
    this.#api.free(this.#rx, this.#entries * nicDescriptorBytes);
  }

  /** One descriptor stays empty, so that a full ring differs from an empty one. */
  get #mayFill(): boolean {
    return !this.#rxRefused && (this.#rxTail + 1) % this.#entries !== this.#rxHead;
  }

  /** A buffer could not be had; the next completion tries again, or the watchdog where none will come. */
  #rxRefused = false;
  #looksLeft = looksMax;

  get #mayLookAgain(): boolean {
    return this.#rxRefused && this.#looksLeft > 0 && this.#rxTail === this.#rxHead;
  }

  get #mayStart(): boolean {
    if (this.#held && this.#alive > 0) return false;
    return this.#used + this.#waiting[0]!.list.length < this.#entries || this.#alive === 0;
  }

  get #used(): number {
    return (this.#txTail - this.#txHead + this.#entries) % this.#entries;
  }

  get #isStopped(): boolean {
    this.#word[0] = this.#configuration.read32(commandAndStatus.offset);
    return read(this.#word, 0, CommandAndStatus.receivedMasterAbort) === 1;
  }

  #placeRings(): void {
    const bytes = this.#entries * nicDescriptorBytes;
    for (const [base, length, { bus }] of [
      [r.transmitBase, r.transmitLength, this.#tx],
      [r.receiveBase, r.receiveLength, this.#rx],
    ] as const) {
      this.#registers.write32(base.offset, u64Low(bus));
      this.#registers.write32(base.offset + 4, u64High(bus));
      this.#registers.write32(length.offset, bytes);
    }
  }

  #fill(): void {
    const page = this.#kernel.allocPages(0);
    const mapped = page === null ? null : this.#api.map(page * frameBytes, nicBufferBytes, Direction.fromDevice);
    if (mapped === null || this.#api.mappingError(mapped.bus)) {
      if (page !== null) this.#kernel.freePages(page, 0);
      this.#rxRefused = true;
      this.#looksLeft--;
      return;
    }
    this.#rxRefused = false;
    this.#looksLeft = looksMax;
    const n = this.#rxTail;
    this.#buffers[n] = { page: page!, bus: mapped.bus };
    const d = this.#words.fill(0);
    write(d, 0, RxDescriptor.address, mapped.bus);
    this.#memory.write(this.#rx.phys + n * nicDescriptorBytes, asBytes(d));
    this.#rxTail = (n + 1) % this.#entries;
    this.#registers.write32(r.receiveTail.offset, this.#rxTail);
  }

  #start(packet: Outgoing): void {
    const mapped = this.#api.mapList(packet.list, Direction.toDevice);
    if (mapped.count === 0 || this.#used + mapped.segments.length >= this.#entries) {
      this.#refuse(packet, mapped);
      return;
    }
    this.#held = false;
    this.#waiting.shift();
    this.#alive++;
    for (const [n, s] of mapped.segments.entries()) {
      const last = n === mapped.segments.length - 1;
      const d = this.#words.fill(0);
      write(d, 0, TxDescriptor.address, s.bus);
      write(d, 0, TxDescriptor.length, s.size);
      write(d, 0, TxDescriptor.endOfPacket, last ? 1 : 0);
      write(d, 0, TxDescriptor.insertFcs, 1);
      write(d, 0, TxDescriptor.reportStatus, last ? 1 : 0);
      const at = (this.#txTail + n) % this.#entries;
      this.#flights[at] = last ? { packet, mapped } : null;
      this.#memory.write(this.#tx.phys + at * nicDescriptorBytes, asBytes(d));
    }
    this.#txTail = (this.#txTail + mapped.segments.length) % this.#entries;
    this.#registers.write32(r.transmitTail.offset, this.#txTail);
  }

  #refuse(packet: Outgoing, mapped: MappedList): void {
    if (mapped.count > 0) this.#api.unmapList(mapped, packet.list.length, Direction.toDevice);
    if (this.#alive > 0) {
      this.#held = true;
      return;
    }
    this.#waiting.shift();
    packet.done(mapped.refused?.words ?? "more pieces than the ring has descriptors");
  }

  #reset(): void {
    this.#onReset();
    this.#registers.write32(r.control.offset, resetBit);
    this.#placeRings();
    this.#txTail = this.#rxTail = 0;
    this.#dropBuffers();
    this.#dropPieces(this.#pieces.splice(0));
    this.#txHead = this.#rxHead = 0;
    for (const [at, flight] of this.#flights.entries()) {
      if (flight !== null) this.#giveBack(at, flight, "the controller has stopped and was reset");
    }
  }

  #giveBack(at: number, { packet, mapped }: Flight, error: string | null): void {
    this.#flights[at] = null;
    this.#alive--;
    this.#held = false;
    this.#api.unmapList(mapped, packet.list.length, Direction.toDevice);
    packet.done(error);
  }

  #dropBuffers(): void {
    for (const b of this.#buffers) {
      if (b === null) continue;
      this.#api.unmap(b.bus, nicBufferBytes, Direction.fromDevice);
      this.#kernel.freePages(b.page, 0);
    }
    this.#buffers.fill(null);
  }

  #dropPieces(pieces: readonly Piece[]): void {
    for (const p of pieces) this.#kernel.freePages(p.page, 0);
  }

  #takeSent(): void {
    for (let at = this.#txHead; at !== this.#txTail; at = (at + 1) % this.#entries) {
      const flight = this.#flights[at]!;
      if (flight === null) continue;
      this.#memory.read(this.#tx.phys + at * nicDescriptorBytes, asBytes(this.#words));
      if (read(this.#words, 0, TxDescriptor.done) === 0) return;
      this.#txHead = (at + 1) % this.#entries;
      this.#giveBack(at, flight, null);
    }
  }

  #takeReceived(): void {
    this.#rxRefused = false;
    for (;;) {
      const buffer = this.#buffers[this.#rxHead];
      if (buffer === null || buffer === undefined) return;
      this.#memory.read(this.#rx.phys + this.#rxHead * nicDescriptorBytes, asBytes(this.#words));
      if (read(this.#words, 0, RxDescriptor.done) === 0) return;
      this.#buffers[this.#rxHead] = null;
      this.#rxHead = (this.#rxHead + 1) % this.#entries;
      this.#api.unmap(buffer.bus, nicBufferBytes, Direction.fromDevice);
      const size = Math.min(read(this.#words, 0, RxDescriptor.length), nicBufferBytes);
      this.#pieces.push({ page: buffer.page, offset: 0, size });
      if (read(this.#words, 0, RxDescriptor.endOfPacket) === 0) continue;
      const pieces = this.#pieces;
      this.#pieces = [];
      this.received(pieces);
    }
  }
}

const asBytes = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer);
