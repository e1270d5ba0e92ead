/**
 * The driver of a disk with NVMe's queues: it maps what it is asked to move through the DMA API, writes the command
 * into shared memory, rings the doorbell and takes completions.
 *
 * Source: Linux drivers/nvme/host/pci.c (nvme_queue_rq, nvme_map_data, nvme_pci_complete_rq): one list of segments for
 * each command, or since 6.17 one range of addresses, refused mappings are tried again when something was unmapped. A controller that has stopped is reset
 * (nvme_should_reset, nvme_dev_disable) and what it had is given back with an error; Linux tries each command five times.
 */

import { assert, Misuse } from "../../base/assert.js";
import { hex } from "../../base/hex.js";
import { u64High, u64Low } from "../../base/u64.js";
import { read, write } from "../../bits/index.js";
import type { Interrupt } from "../../bus/interrupt.js";
import type { Registers } from "../../bus/registers.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import { Direction } from "../../spec/dma/direction.js";
import { Cqe, cqeBytes, NvmeOpcode, SglDescriptor, SglType, Sqe, sglBytes, sqeBytes } from "../../spec/nvme/entries.js";
import { ControllerConfiguration, ControllerStatus, nvmeRegisters, QueueSizes } from "../../spec/nvme/registers.js";
import type { Coherent, ListEntry, MappedList } from "../dma/index.js";
import type { DmaCalls } from "./physical_addresses.js";

const { configuration, status, queueSizes, submissionQueue, completionQueue, submissionTail, completionHead } =
  nvmeRegisters.registers;

/** One transfer. */
export interface Bio {
  readonly toDisk: boolean;
  /** Block of 512 bytes on the disk. */
  readonly block: number;
  readonly list: readonly ListEntry[];
  /** @param error null when every byte was moved */
  done(error: string | null): void;
}

interface Flight {
  readonly bio: Bio;
  readonly mapped: MappedList;
}

export interface DiskDriverOptions {
  readonly memory: ByteMemory;
  readonly api: DmaCalls;
  /** Of the controller, laid out as `spec/nvme/registers` says. */
  readonly registers: Registers;
  readonly interrupt: Interrupt;
  readonly entries?: number;
  readonly listEntries?: number;
  /** It maps requests of the block layer, as since `requestsMappedSince`; before, lists. Default false. */
  readonly mapsRequests?: boolean;
  /** Told when the controller had stopped and is reset. */
  readonly onReset?: () => void;
}

export class DiskDriver {
  readonly #memory: ByteMemory;
  readonly #api: DmaCalls;
  readonly #registers: Registers;
  readonly #interrupt: Interrupt;
  readonly #entries: number;
  readonly #listBytes: number;
  readonly #mapsRequests: boolean;
  readonly #sq: Coherent;
  readonly #cq: Coherent;
  readonly #lists: Coherent;
  readonly #flights: (Flight | null)[];
  readonly #waiting: Bio[] = [];
  readonly #word = new Uint32Array(1);
  #sqTail = 0;
  #cqHead = 0;
  #phase: 0 | 1 = 1;
  #alive = 0;
  /** A list was refused: something must end, and free its mapping, before another is tried. */
  #held = false;
  readonly #onReset: () => void;

  /** @throws Misuse `no-memory` when the queues cannot be had: a driver that cannot start. */
  constructor(o: DiskDriverOptions) {
    this.#memory = o.memory;
    this.#api = o.api;
    this.#registers = o.registers;
    this.#interrupt = o.interrupt;
    this.#onReset = o.onReset ?? (() => {});
    this.#entries = o.entries ?? 32;
    this.#mapsRequests = o.mapsRequests ?? false;
    this.#listBytes = (o.listEntries ?? 256) * sglBytes;
    const alloc = (bytes: number): Coherent => {
      const at = o.api.alloc(bytes);
      if (at === null)
        throw new Misuse("no-memory", `a disk's driver takes ${bytes} bytes in one piece for its queues`);
      return at;
    };
    this.#sq = alloc(this.#entries * sqeBytes);
    this.#cq = alloc(this.#entries * cqeBytes);
    this.#lists = alloc(this.#entries * this.#listBytes);
    this.#flights = new Array<Flight | null>(this.#entries).fill(null);
    this.#enable();
  }

  get idle(): boolean {
    return this.#alive === 0 && this.#waiting.length === 0;
  }

  /** Queue a transfer; transfers start in this order. Its `done` is called with what became of it. */
  submit(bio: Bio): void {
    this.#waiting.push(bio);
  }

  ready(): boolean {
    return this.#interrupt.isPending || this.#isFatal || (this.#waiting.length > 0 && this.#mayStart);
  }

  /** Take what completed, reset a controller that has stopped, or start what waits. */
  step(): void {
    if (this.#interrupt.isPending) this.#takeCompletions();
    else if (this.#isFatal) this.#reset();
    else this.#start(this.#waiting[0]!);
  }

  /** Give the queues back. The device must be idle. */
  close(): void {
    assert(this.idle, "a driver is closed when nothing is in flight");
    this.#api.free(this.#sq, this.#entries * sqeBytes);
    this.#api.free(this.#cq, this.#entries * cqeBytes);
    this.#api.free(this.#lists, this.#entries * this.#listBytes);
  }

  /** One entry stays free, so that a full queue differs from an empty one. */
  get #mayStart(): boolean {
    return this.#alive < this.#entries - 1 && !(this.#held && this.#alive > 0);
  }

  /** CSTS.CFS */
  get #isFatal(): boolean {
    this.#word[0] = this.#registers.read32(status.offset);
    return read(this.#word, 0, ControllerStatus.fatal) === 1;
  }

  #enable(): void {
    const w = this.#word;
    const r = this.#registers;
    write(w.fill(0), 0, QueueSizes.submission, this.#entries - 1);
    write(w, 0, QueueSizes.completion, this.#entries - 1);
    r.write32(queueSizes.offset, w[0]!);
    for (const [at, bus] of [
      [submissionQueue.offset, this.#sq.bus],
      [completionQueue.offset, this.#cq.bus],
    ] as const) {
      r.write32(at, u64Low(bus));
      r.write32(at + 4, u64High(bus));
    }
    write(w.fill(0), 0, ControllerConfiguration.enable, 1);
    r.write32(configuration.offset, w[0]!);
  }

  #start(bio: Bio): void {
    const direction = bio.toDisk ? Direction.toDevice : Direction.fromDevice;
    const mapped = this.#mapsRequests
      ? this.#api.mapRequest(bio.list, direction)
      : this.#api.mapList(bio.list, direction);
    if (mapped.count === 0) {
      if (this.#alive > 0) {
        this.#held = true;
        return;
      }
      this.#waiting.shift();
      bio.done(mapped.refused?.words ?? "the list could not be mapped");
      return;
    }
    this.#held = false;
    this.#waiting.shift();
    const id = this.#flights.indexOf(null);
    this.#flights[id] = { bio, mapped };
    this.#alive++;
    this.#writeCommand(id, bio, mapped);
  }

  #writeCommand(id: number, bio: Bio, mapped: MappedList): void {
    const words = new Uint32Array((mapped.segments.length * sglBytes) / 4);
    let bytes = 0;
    for (const [n, s] of mapped.segments.entries()) {
      const at = n * (sglBytes / 4);
      write(words, at, SglDescriptor.address, s.bus);
      write(words, at, SglDescriptor.length, s.size);
      write(words, at, SglDescriptor.type, SglType.data);
      bytes += s.size;
    }
    assert(words.byteLength <= this.#listBytes, "a list fits its place");
    const listAt = this.#lists.bus + id * this.#listBytes;
    this.#memory.write(this.#lists.phys + id * this.#listBytes, new Uint8Array(words.buffer));
    const e = new Uint32Array(sqeBytes / 4);
    write(e, 0, Sqe.opcode, bio.toDisk ? NvmeOpcode.write : NvmeOpcode.read);
    write(e, 0, Sqe.sgl, 1);
    write(e, 0, Sqe.id, id);
    write(e, 0, Sqe.namespace, 1);
    write(e, 0, Sqe.dataAddress, listAt);
    write(e, 0, Sqe.dataLength, words.byteLength);
    write(e, 0, Sqe.dataKind, (SglType.lastSegment << 28) >>> 0);
    write(e, 0, Sqe.block, bio.block);
    write(e, 0, Sqe.count, bytes / 512 - 1);
    this.#memory.write(this.#sq.phys + this.#sqTail * sqeBytes, new Uint8Array(e.buffer));
    this.#sqTail = (this.#sqTail + 1) % this.#entries;
    this.#registers.write32(submissionTail.offset, this.#sqTail);
  }

  #takeCompletions(): void {
    this.#interrupt.enter();
    const words = new Uint32Array(cqeBytes / 4);
    for (;;) {
      this.#memory.read(this.#cq.phys + this.#cqHead * cqeBytes, new Uint8Array(words.buffer));
      if (read(words, 0, Cqe.phase) !== this.#phase) break;
      this.#cqHead++;
      if (this.#cqHead === this.#entries) {
        this.#cqHead = 0;
        this.#phase = this.#phase === 1 ? 0 : 1;
      }
      this.#end(read(words, 0, Cqe.id), read(words, 0, Cqe.status));
    }
    this.#registers.write32(completionHead.offset, this.#cqHead);
  }

  #end(id: number, status: number): void {
    const flight = this.#flights[id];
    if (flight === null || flight === undefined) return;
    this.#giveBack(id, flight, status === 0 ? null : `the disk answered status ${hex(status)}`);
  }

  #reset(): void {
    this.#onReset();
    this.#registers.write32(configuration.offset, 0);
    this.#sqTail = this.#cqHead = 0;
    this.#phase = 1;
    this.#memory.write(this.#cq.phys, new Uint8Array(this.#entries * cqeBytes));
    this.#enable();
    for (const [id, flight] of this.#flights.entries()) {
      if (flight !== null) this.#giveBack(id, flight, "the controller has stopped (CSTS.CFS) and was reset");
    }
  }

  #giveBack(id: number, { bio, mapped }: Flight, error: string | null): void {
    this.#flights[id] = null;
    this.#alive--;
    this.#held = false;
    this.#api.unmapList(mapped, bio.list.length, bio.toDisk ? Direction.toDevice : Direction.fromDevice);
    bio.done(error);
  }
}
