/**
 * A disk with one submission and one completion queue in memory, as NVMe has them. It masters the bus for all it
 * does: it fetches its commands and scatter lists, moves the data, and writes its completions.
 *
 * Each step is one thing that another may come between: a command taken, a list fetched, one entry of it moved, a
 * completion written.
 *
 * A block is written whole or stays as it was (NVM Command Set Specification 1.0, 2.1.4: the unit that is atomic when a
 * write fails is one block at least): of a write that fails, the blocks whose bytes had all come are new, the others old.
 *
 * A command that cannot be fetched, and a completion that cannot be written, leave nobody to be told: the controller
 * stops with its fatal status set until it is reset (NVMe Base 2.0, 3.1.3.6, CSTS.CFS, and 9.5; QEMU's since commit
 * 94cbcf530f9d). Any other transfer that fails ends its own command with an error.
 * Source: NVM Express Base Specification 2.0, 3.3 (queues) and 4.1.2 (scatter lists).
 */
import { read, write } from "../../bits/index.js";
import type { DmaPort } from "../../bus/dma_port.js";
import { MessageInterrupt } from "../../bus/interrupt.js";
import { RegisterFile } from "../../bus/registers.js";
import {
  Cqe,
  cqeBytes,
  NvmeOpcode,
  NvmeStatus,
  SglDescriptor,
  SglType,
  Sqe,
  sglBytes,
  sqeBytes,
} from "../../spec/nvme/entries.js";
import { ControllerConfiguration, ControllerStatus, nvmeRegisters, QueueSizes } from "../../spec/nvme/registers.js";
import { Master } from "./master.js";

export interface DiskOptions {
  readonly port: DmaPort;
  readonly requester: number;
  /** Blocks of 512 bytes. */
  readonly blocks: number;
  /** Address lines. */
  readonly addressBits?: number;
  /** Entries of one scatter list that it takes. */
  readonly entriesMax?: number;
}

export const blockBytes = 512;

/** The command that is being worked on. */
interface Command {
  readonly id: number;
  /** First byte on the medium, and how far the work has come. */
  readonly from: number;
  readonly length: number;
  /** Scatter list: address and length in turn; null until it was fetched. */
  list: Float64Array | null;
  readonly listAt: number;
  readonly listLength: number;
  /** It writes to the medium. */
  readonly stores: boolean;
  next: number;
  moved: number;
  status: NvmeStatus;
}

export class Disk {
  /** What is on it. */
  readonly medium: Uint8Array;
  readonly master: Master;
  readonly registers: RegisterFile<keyof typeof nvmeRegisters.registers>;
  /** A message for each completion; those that the processor has not seen yet are one (NVMe over PCIe 1.0, 3.5.1.2). */
  readonly interrupt = new MessageInterrupt();
  readonly #entriesMax: number;
  /** Where the queues are and how long, as they were when the controller was enabled. */
  #sqAt = 0;
  #cqAt = 0;
  #sqEntries = 0;
  #cqEntries = 0;
  #sqHead = 0;
  #cqTail = 0;
  #phase: 0 | 1 = 1;
  #command: Command | null = null;
  /** The doorbells and CC.EN as they were last written, and CSTS.CFS: asked before every step. */
  #sqTail = 0;
  #enabled = false;
  #fatal = false;
  /** What the write at hand has brought so far. */
  #data = new Uint8Array(0);
  readonly #entry = new Uint32Array(sqeBytes / 4);

  constructor(o: DiskOptions) {
    this.medium = new Uint8Array(o.blocks * blockBytes);
    this.master = new Master(o.port, o.requester, o.addressBits);
    this.#entriesMax = o.entriesMax ?? 256;
    this.registers = new RegisterFile(nvmeRegisters, { written: (r) => this.#registerWritten(r.name) });
  }

  get idle(): boolean {
    return this.#command === null && this.#sqHead === this.#sqTail;
  }

  ready(): boolean {
    return this.#enabled && !this.#fatal && !this.idle;
  }

  #registerWritten(name: string): void {
    const r = this.registers;
    if (name === "submissionTail") this.#sqTail = r.get("submissionTail");
    else if (name === "configuration") this.#configure(Uint32Array.of(r.get("configuration")));
  }

  #configure(written: Uint32Array): void {
    const enable = read(written, 0, ControllerConfiguration.enable) === 1;
    if (enable && !this.#enabled) {
      const sizes = Uint32Array.of(this.registers.get("queueSizes"));
      this.#sqAt = this.registers.get("submissionQueue");
      this.#cqAt = this.registers.get("completionQueue");
      this.#sqEntries = read(sizes, 0, QueueSizes.submission) + 1;
      this.#cqEntries = read(sizes, 0, QueueSizes.completion) + 1;
    }
    if (!enable) this.#reset();
    this.#enabled = enable;
    this.#report();
  }

  /** CC.EN was cleared: the queues begin anew, and what was under way is forgotten. */
  #reset(): void {
    this.#sqTail = this.#sqHead = this.#cqTail = 0;
    this.registers.set("submissionTail", 0);
    this.registers.set("completionHead", 0);
    this.#phase = 1;
    this.#command = null;
    this.#fatal = false;
    this.interrupt.isPending = false;
  }

  #stop(): void {
    this.#fatal = true;
    this.#report();
  }

  #report(): void {
    const status = new Uint32Array(1);
    write(status, 0, ControllerStatus.ready, this.#enabled ? 1 : 0);
    write(status, 0, ControllerStatus.fatal, this.#fatal ? 1 : 0);
    this.registers.set("status", status[0]!);
  }

  step(): void {
    const c = this.#command;
    if (c === null) this.#take();
    else if (c.status !== NvmeStatus.success) this.#complete(c);
    else if (c.list === null) this.#fetchList(c);
    else if (c.next < c.list.length && c.moved < c.length) this.#move(c, c.list);
    else this.#complete(c);
  }

  #take(): void {
    const e = this.#entry;
    const bytes = new Uint8Array(e.buffer);
    if (this.master.read(this.#sqAt + this.#sqHead * sqeBytes, bytes) !== "done") {
      this.#stop();
      return;
    }
    this.#sqHead = (this.#sqHead + 1) % this.#sqEntries;
    const opcode = read(e, 0, Sqe.opcode);
    const from = read(e, 0, Sqe.block) * blockBytes;
    const length = (read(e, 0, Sqe.count) + 1) * blockBytes;
    const listAt = read(e, 0, Sqe.dataAddress);
    const listLength = read(e, 0, Sqe.dataLength);
    const inline = read(e, 0, Sqe.dataKind) >>> 28 === SglType.data;
    this.#command = {
      id: read(e, 0, Sqe.id),
      from,
      length: opcode === NvmeOpcode.flush ? 0 : length,
      list: opcode === NvmeOpcode.flush ? new Float64Array(0) : inline ? Float64Array.of(listAt, listLength) : null,
      listAt,
      listLength,
      stores: opcode === NvmeOpcode.write,
      next: 0,
      moved: 0,
      status: this.#judge(opcode, from + length, listLength, inline),
    };
  }

  #judge(opcode: number, end: number, listLength: number, inline: boolean): NvmeStatus {
    if (opcode === NvmeOpcode.flush) return NvmeStatus.success;
    if (opcode !== NvmeOpcode.read && opcode !== NvmeOpcode.write) return NvmeStatus.invalidOpcode;
    if (end > this.medium.length) return NvmeStatus.lbaRange;
    if (!inline && (listLength % sglBytes !== 0 || listLength > this.#entriesMax * sglBytes))
      return NvmeStatus.invalidSgl;
    return NvmeStatus.success;
  }

  #fetchList(c: Command): void {
    const words = new Uint32Array(c.listLength / 4);
    if (this.master.read(c.listAt, new Uint8Array(words.buffer)) !== "done") {
      c.status = NvmeStatus.dataTransferError;
      return;
    }
    const list = new Float64Array((c.listLength / sglBytes) * 2);
    for (let n = 0; n < list.length; n += 2) {
      const at = n * 2;
      list[n] = read(words, at, SglDescriptor.address);
      list[n + 1] = read(words, at, SglDescriptor.length);
      if (read(words, at, SglDescriptor.type) !== SglType.data) c.status = NvmeStatus.invalidSgl;
    }
    c.list = list;
  }

  #move(c: Command, list: Float64Array): void {
    const at = list[c.next]!;
    const end = Math.min(c.moved + list[c.next + 1]!, c.length);
    if (c.stores && this.#data.length < end) this.#data = grown(this.#data, end);
    const outcome = c.stores
      ? this.master.read(at, this.#data.subarray(c.moved, end))
      : this.master.write(at, this.medium.subarray(c.from + c.moved, c.from + end));
    c.next += 2;
    if (outcome !== "done") {
      c.status = NvmeStatus.dataTransferError;
      return;
    }
    if (c.stores) this.#store(c, end);
    c.moved = end;
  }

  /** The blocks whose bytes have come. */
  #store(c: Command, end: number): void {
    const from = c.moved - (c.moved % blockBytes);
    this.medium.set(this.#data.subarray(from, end - (end % blockBytes)), c.from + from);
  }

  #complete(c: Command): void {
    if (c.status === NvmeStatus.success && c.moved < c.length) c.status = NvmeStatus.badLength;
    const words = new Uint32Array(cqeBytes / 4);
    write(words, 0, Cqe.sqHead, this.#sqHead);
    write(words, 0, Cqe.id, c.id);
    write(words, 0, Cqe.phase, this.#phase);
    write(words, 0, Cqe.status, c.status);
    if (this.master.write(this.#cqAt + this.#cqTail * cqeBytes, new Uint8Array(words.buffer)) !== "done") {
      this.#stop();
      return;
    }
    this.#cqTail++;
    if (this.#cqTail === this.#cqEntries) {
      this.#cqTail = 0;
      this.#phase = this.#phase === 1 ? 0 : 1;
    }
    this.#command = null;
    this.interrupt.isPending = true;
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const wider = new Uint8Array(2 * length);
  wider.set(bytes);
  return wider;
}
