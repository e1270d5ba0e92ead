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
import { u64 } from "../../base/u64.js";
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
import { MachineState } from "../../state/machine_state.js";
import { type Cell, type CellArray, cell, cells, type Live, record, wide } from "../../state/record.js";
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
  /** Where its state is kept; a machine that is explored gives its own. */
  readonly state?: MachineState;
}

export const blockBytes = 512;

const flag = (doc: string) => cell<0 | 1>(doc);

const QueueState = record("disk", {
  enabled: flag("CC.EN as it was last written"),
  fatal: flag("CSTS.CFS: it has stopped"),
  sqAtLow: cell("address of the submission queue when it was enabled"),
  sqAtHigh: cell("its upper half"),
  cqAtLow: cell("address of the completion queue when it was enabled"),
  cqAtHigh: cell("its upper half"),
  sqEntries: cell("entries of the submission queue"),
  cqEntries: cell("entries of the completion queue"),
  sqHead: cell("index of the next command"),
  sqTail: cell("doorbell: index after the last command"),
  cqTail: cell("index of the next completion"),
  phase: cell<0 | 1>("of the next completion", 1),
});

/** The command that is being worked on. */
const CommandState = record("disk's command", {
  busy: flag("there is one"),
  id: cell("given back in the completion"),
  from: wide("first byte on the medium"),
  length: cell("bytes"),
  stores: flag("it writes to the medium"),
  listAtLow: cell("address of its scatter list"),
  listAtHigh: cell("its upper half"),
  listBytes: cell("bytes of its scatter list"),
  fetched: flag("its list is here"),
  parts: cell("parts of the list"),
  next: cell("the part that comes next"),
  moved: cell("bytes that were moved"),
  status: cell("why it fails, or success") as Cell<NvmeStatus>,
});

/** Of a write: the block whose bytes have not all come, those that have at its begin. */
const UnfinishedBlock = record("disk's unfinished block", { words: cells(blockBytes / 4, "four bytes each") });

/** Words of one part of a list: the address in two halves, and the length. */
const partWords = 3;
/** Bytes that a part seldom exceeds. */
const usualPartBytes = 65_536;

export class Disk {
  /** What is on it. */
  readonly medium: Uint8Array;
  readonly registers: RegisterFile<keyof typeof nvmeRegisters.registers>;
  /** A message for each completion; those that the processor has not seen yet are one (NVMe over PCIe 1.0, 3.5.1.2). */
  readonly interrupt: MessageInterrupt;
  readonly #master: Master;
  readonly #entriesMax: number;
  readonly #q: Live<typeof QueueState.drafts>;
  readonly #c: Live<typeof CommandState.drafts>;
  /** The parts of the list, and of a write the bytes of the block that has not come whole. */
  readonly #list: CellArray;
  readonly #rest: CellArray;
  readonly #entry = new Uint32Array(sqeBytes / 4);
  readonly #block = new Uint32Array(blockBytes / 4);
  readonly #bytes = new Uint8Array(usualPartBytes + blockBytes);

  constructor(o: DiskOptions) {
    const { entriesMax = 256, state = new MachineState() } = o;
    this.medium = new Uint8Array(o.blocks * blockBytes);
    this.#master = new Master(o.port, o.requester, o.addressBits);
    this.#entriesMax = entriesMax;
    this.#q = state.place(QueueState);
    this.#c = state.place(CommandState);
    const list = cells(entriesMax * partWords, "addresses in two halves, and lengths");
    this.#list = state.place(record("disk's list", { list })).list;
    this.#rest = state.place(UnfinishedBlock).words;
    this.interrupt = new MessageInterrupt(state);
    this.registers = new RegisterFile(nvmeRegisters, { state, written: (r) => this.#registerWritten(r.name) });
  }

  get idle(): boolean {
    return this.#c.busy === 0 && this.#q.sqHead === this.#q.sqTail;
  }

  ready(): boolean {
    return this.#q.enabled === 1 && this.#q.fatal === 0 && !this.idle;
  }

  #registerWritten(name: string): void {
    if (name === "submissionTail") this.#q.sqTail = this.registers.get("submissionTail");
    else if (name === "configuration") this.#configure();
  }

  #configure(): void {
    const { registers: r } = this;
    const q = this.#q;
    const enable = r.read("configuration", ControllerConfiguration.enable);
    if (enable === 1 && q.enabled === 0) {
      const { submissionQueue, completionQueue } = r.map.registers;
      q.sqAtLow = r.read32(submissionQueue.offset);
      q.sqAtHigh = r.read32(submissionQueue.offset + 4);
      q.cqAtLow = r.read32(completionQueue.offset);
      q.cqAtHigh = r.read32(completionQueue.offset + 4);
      q.sqEntries = r.read("queueSizes", QueueSizes.submission) + 1;
      q.cqEntries = r.read("queueSizes", QueueSizes.completion) + 1;
    }
    if (enable === 0) this.#reset();
    q.enabled = enable;
    r.write("status", ControllerStatus.ready, enable);
  }

  /** CC.EN was cleared: the queues begin anew, and what was under way is forgotten. */
  #reset(): void {
    const q = this.#q;
    q.sqTail = q.sqHead = q.cqTail = 0;
    this.registers.set("submissionTail", 0);
    this.registers.set("completionHead", 0);
    q.phase = 1;
    this.#c.busy = 0;
    q.fatal = 0;
    this.registers.write("status", ControllerStatus.fatal, 0);
    this.interrupt.isPending = false;
  }

  #stop(): void {
    this.#q.fatal = 1;
    this.registers.write("status", ControllerStatus.fatal, 1);
  }

  step(): void {
    const c = this.#c;
    if (c.busy === 0) this.#take();
    else if (c.status !== NvmeStatus.success) this.#complete();
    else if (c.fetched === 0) this.#fetchList();
    else if (c.next < c.parts && c.moved < c.length) this.#move();
    else this.#complete();
  }

  #take(): void {
    const e = this.#entry;
    const q = this.#q;
    const c = this.#c;
    if (this.#master.read(u64(q.sqAtLow, q.sqAtHigh) + q.sqHead * sqeBytes, asBytes(e)) !== "done") {
      this.#stop();
      return;
    }
    q.sqHead = (q.sqHead + 1) % q.sqEntries;
    const opcode = read(e, 0, Sqe.opcode);
    const from = read(e, 0, Sqe.block) * blockBytes;
    const length = (read(e, 0, Sqe.count) + 1) * blockBytes;
    const inline = read(e, 0, Sqe.dataKind) >>> 28 === SglType.data;
    const flushes = opcode === NvmeOpcode.flush;
    c.busy = 1;
    c.id = read(e, 0, Sqe.id);
    c.listBytes = read(e, 0, Sqe.dataLength);
    c.status = this.#judge(opcode, from + length, c.listBytes, inline);
    c.from = c.status === NvmeStatus.success && !flushes ? from : 0;
    c.length = flushes ? 0 : length;
    c.stores = opcode === NvmeOpcode.write ? 1 : 0;
    c.listAtLow = e[Sqe.dataAddress.word]!;
    c.listAtHigh = e[Sqe.dataAddress.word + 1]!;
    c.fetched = flushes || inline ? 1 : 0;
    c.parts = inline && !flushes ? 1 : 0;
    c.next = c.moved = 0;
    if (c.parts === 1) this.#list.copyFrom([c.listAtLow, c.listAtHigh, c.listBytes]);
  }

  #judge(opcode: number, end: number, listBytes: number, inline: boolean): NvmeStatus {
    if (opcode === NvmeOpcode.flush) return NvmeStatus.success;
    if (opcode !== NvmeOpcode.read && opcode !== NvmeOpcode.write) return NvmeStatus.invalidOpcode;
    if (end > this.medium.length) return NvmeStatus.lbaRange;
    if (!inline && (listBytes % sglBytes !== 0 || listBytes > this.#entriesMax * sglBytes))
      return NvmeStatus.invalidSgl;
    return NvmeStatus.success;
  }

  #fetchList(): void {
    const c = this.#c;
    const words = new Uint32Array(c.listBytes / 4);
    if (this.#master.read(u64(c.listAtLow, c.listAtHigh), asBytes(words)) !== "done") {
      c.status = NvmeStatus.dataTransferError;
      return;
    }
    c.parts = c.listBytes / sglBytes;
    for (let n = 0; n < c.parts; n++) {
      const at = (n * sglBytes) / 4;
      this.#list.set(n * partWords, words[at + SglDescriptor.address.word]!);
      this.#list.set(n * partWords + 1, words[at + SglDescriptor.address.word + 1]!);
      this.#list.set(n * partWords + 2, read(words, at, SglDescriptor.length));
      if (read(words, at, SglDescriptor.type) !== SglType.data) c.status = NvmeStatus.invalidSgl;
    }
    c.fetched = 1;
  }

  #move(): void {
    const c = this.#c;
    const part = c.next * partWords;
    const at = u64(this.#list.get(part), this.#list.get(part + 1));
    const end = Math.min(c.moved + this.#list.get(part + 2), c.length);
    c.next++;
    const { moved } = c;
    const isDone =
      c.stores === 1
        ? this.#store(at, moved, end)
        : this.#master.write(at, this.medium.subarray(c.from + moved, c.from + end)) === "done";
    if (isDone) c.moved = end;
    else c.status = NvmeStatus.dataTransferError;
  }

  /** Bring bytes `moved` to `end` of a write; the blocks whose bytes have all come are new then. */
  #store(at: number, moved: number, end: number): boolean {
    const rest = moved % blockBytes;
    const count = rest + end - moved;
    const bytes = count <= this.#bytes.length ? this.#bytes.subarray(0, count) : new Uint8Array(count);
    if (rest > 0) {
      this.#rest.copyTo(this.#block);
      bytes.set(asBytes(this.#block).subarray(0, rest));
    }
    if (this.#master.read(at, bytes.subarray(rest)) !== "done") return false;
    const whole = count - (count % blockBytes);
    this.medium.set(bytes.subarray(0, whole), this.#c.from + moved - rest);
    if (whole < count) {
      asBytes(this.#block).fill(0).set(bytes.subarray(whole));
      this.#rest.copyFrom(this.#block);
    }
    return true;
  }

  #complete(): void {
    const c = this.#c;
    const q = this.#q;
    if (c.status === NvmeStatus.success && c.moved < c.length) c.status = NvmeStatus.badLength;
    const words = new Uint32Array(cqeBytes / 4);
    write(words, 0, Cqe.sqHead, q.sqHead);
    write(words, 0, Cqe.id, c.id);
    write(words, 0, Cqe.phase, q.phase);
    write(words, 0, Cqe.status, c.status);
    if (this.#master.write(u64(q.cqAtLow, q.cqAtHigh) + q.cqTail * cqeBytes, asBytes(words)) !== "done") {
      this.#stop();
      return;
    }
    q.cqTail++;
    if (q.cqTail === q.cqEntries) {
      q.cqTail = 0;
      q.phase = q.phase === 1 ? 0 : 1;
    }
    c.busy = 0;
    this.interrupt.isPending = true;
  }
}

const asBytes = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer);
