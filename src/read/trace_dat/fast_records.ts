/**
 * The events of undamaged pages, decoded and merged by a module of WebAssembly (wasm/ring_records.ts) that fills the same
 * columns as `Decoder` does. It stops before anything else - damage, a loss, a task or a device that it does not know, the
 * end of a block -, and the stream that it stopped at is carried on here for one event.
 */
import { assert } from "../../base/assert.js";
import { ringRecords } from "../../base/wasm/ring_records.js";
import { startWasm, type WasmGlobal, type WasmMemory } from "../../base/wasm.js";
import type { EventBatch } from "../event.js";
import { copyEvents } from "../ftrace_text/copy_events.js";
import { type BatchExports, wasmBatch } from "../wasm_batch.js";
import type { Clock } from "./clock.js";
import type { CpuStream } from "./cpu_stream.js";
import type { Decoder } from "./decoder.js";
import { blockBytes } from "./page_feed.js";
import { type Plans, planStride, Slot } from "./plan.js";
import type { Recording } from "./recording.js";
import { StreamPlace } from "./stream_place.js";

interface Exports extends BatchExports {
  readonly batch: WasmGlobal;
  readonly blocks: WasmGlobal;
  readonly planOf: WasmGlobal;
  readonly plans: WasmGlobal;
  readonly streams: WasmGlobal;
  readonly reason: WasmGlobal;
  setClock(high: number, low: number, microseconds: number, nanoseconds: number, inNanoseconds: number): void;
  setCommon(flagsAt: number, pidAt: number, leastBytes: number): void;
  setLayout(pageBytes: number, commitAt: number, dataAt: number): void;
  /** Streams 0 to `count` - 1 are those that are not done. */
  arrange(count: number): void;
  topNumber(): number;
  dropTop(): void;
  settle(): void;
  read(count: number, most: number): number;
  learnTask(pid: number, task: number): void;
  /** The device that the last stop was for. */
  learnDevice(device: number): void;
  forget(): void;
}

/** Why it stopped, as wasm/shared/stop.ts numbers it; 1 is an event of another form than most. */
const Reason = { nothing: 0, newTask: 2, newDevice: 3, advance: 7 } as const;

/** Of the module's memory below the blocks of pages. */
const memoryBytes = 10 << 20;
const mostPlanWords = 1 << 14;
const mostStreams = 8192;
const mostBlocksBytes = 64 << 20;
/** As wasm/ring/memory.ts has it: events that are left to `Decoder`. */
const hostReads = -2;

/** One that no recording is being read into: to get memory takes longer than to read a short recording. */
let spare: FastMemory | null = null;

/** The module with memory for the blocks of a recording's streams. */
export class FastMemory {
  readonly exports: Exports;
  readonly memory: WasmMemory;
  readonly #blockBytes: number;

  /** @returns null where the engine cannot run it, or the recording is not one that it is for. */
  static start({ little, layout, buffer }: Recording, plans: Plans): FastMemory | null {
    const count = buffer.cpus.length;
    const most = blockBytes(layout.pageBytes, count);
    if (!little || count > mostStreams || count * most > mostBlocksBytes) return null;
    if (plans.numbers.length > mostPlanWords || layout.commitAt % 4 !== 0) return null;
    const bytes = memoryBytes + count * most;
    const idle = spare;
    spare = null;
    if (idle !== null && idle.memory.buffer.byteLength >= bytes) {
      return new FastMemory(idle.exports, idle.memory, most);
    }
    const started = startWasm<Exports>(ringRecords, bytes);
    return started === null ? null : new FastMemory(started.exports, started.memory, most);
  }

  private constructor(exports: Exports, memory: WasmMemory, most: number) {
    assert(exports.blocks.value <= memoryBytes, "the module's memory holds all that it lays out");
    this.exports = exports;
    this.memory = memory;
    this.#blockBytes = most;
  }

  /** Its recording is read: the next one may have it. */
  release(): void {
    this.exports.forget();
    spare = this;
  }

  /** Address of the block of stream n. */
  blockAt(n: number): number {
    return this.exports.blocks.value + n * this.#blockBytes;
  }

  /** Where the blocks of stream n are to be put. */
  room(n: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.blockAt(n), this.#blockBytes);
  }
}

export class FastRecords {
  readonly #exports: Exports;
  #memory: FastMemory | null;
  readonly #decoder: Decoder;
  /** By the module's numbers: the streams, where their states are, and where their blocks are. */
  readonly #streams: readonly CpuStream[];
  readonly #places: readonly StreamPlace[];
  readonly #blocks: readonly number[];
  readonly #pidAt: number;
  /** What it fills without copying. */
  readonly batch: EventBatch;

  /** @param streams of all CPUs, in the order of their blocks in the memory. */
  constructor(
    memory: FastMemory,
    streams: readonly CpuStream[],
    { recording, plans, clock, decoder }: { recording: Recording; plans: Plans; clock: Clock; decoder: Decoder },
  ) {
    const { exports } = memory;
    const { buffer } = memory.memory;
    this.#exports = exports;
    this.#memory = memory;
    this.#decoder = decoder;
    const left = [...streams.keys()].filter((n) => !streams[n]!.done);
    this.#streams = left.map((n) => streams[n]!);
    this.#blocks = left.map((n) => memory.blockAt(n));
    this.#places = left.map((_, n) => new StreamPlace(buffer, exports.streams.value + n * StreamPlace.bytes));
    this.#pidAt = plans.common.pidAt;
    this.batch = wasmBatch(exports, memory.memory, exports.batch.value);
    const { first, inNanoseconds } = clock;
    exports.setClock(first.high, first.low, first.microseconds, first.nanoseconds, inNanoseconds ? 1 : 0);
    exports.setCommon(plans.common.flagsAt, plans.common.pidAt, plans.common.leastBytes);
    exports.setLayout(recording.layout.pageBytes, recording.layout.commitAt, recording.layout.dataAt);
    new Int32Array(buffer, exports.plans.value, plans.numbers.length).set(plans.numbers);
    new Int32Array(buffer, exports.planOf.value, plans.of.length).set(placesOfPlans(plans));
    for (const [n, stream] of this.#streams.entries()) stream.lend(this.#places[n]!, this.#blocks[n]!);
    exports.arrange(left.length);
  }

  /** As `EventSource.next`. */
  next(into: EventBatch): boolean {
    if (this.#memory === null) {
      into.clear();
      return false;
    }
    const exports = this.#exports;
    const { batch } = this;
    const most = Math.min(batch.capacity, into.capacity);
    batch.clear();
    this.#decoder.into(batch);
    for (;;) {
      exports.useLists(batch.listDmaUsed, batch.listPhysUsed);
      batch.count = exports.read(batch.count, most);
      batch.listDmaUsed = exports.listDmaUsed.value;
      batch.listPhysUsed = exports.listPhysUsed.value;
      const reason = exports.reason.value;
      if (reason === Reason.nothing) break;
      this.#carryOn(exports.topNumber(), reason);
    }
    if (into !== batch) {
      into.clear();
      copyEvents(batch, 0, batch.count, into);
    }
    if (into.count > 0) return true;
    this.#memory.release();
    this.#memory = null;
    return false;
  }

  /** Do for a stream what the module could not: take its event, and go to the next one. */
  #carryOn(n: number, reason: number): void {
    const exports = this.#exports;
    const stream = this.#streams[n]!;
    const place = this.#places[n]!;
    const { batch } = this;
    stream.takeBack(place, this.#blocks[n]!);
    if (reason !== Reason.advance) {
      const i = batch.blank();
      stream.take(batch, this.#decoder);
      const task = batch.task[i]!;
      const device = batch.device[i]!;
      if (reason === Reason.newTask && task >= 0) {
        exports.learnTask(stream.view.getInt32(stream.recordAt + this.#pidAt, true), task);
      } else if (reason === Reason.newDevice && device >= 0) exports.learnDevice(device);
    }
    stream.advance();
    if (stream.done) exports.dropTop();
    else stream.lend(place, this.#blocks[n]!);
    exports.settle();
  }
}

/** Where the plan of each event number begins, as the module has it: probes and lists of odd widths are for `Decoder`. */
function placesOfPlans({ of, numbers }: Plans): Int32Array {
  const odd = new Set<number>();
  for (let p = 0; p < numbers.length; p += planStride) {
    const widths = [Slot.listDmaBytes, Slot.listSizeBytes, Slot.listPhysBytes].map((slot) =>
      Math.abs(numbers[p + slot]!),
    );
    if (!widths.every((bytes) => usualWidths.has(bytes))) odd.add(p);
  }
  return of.map((p) => (p < -1 || odd.has(p) ? hostReads : p));
}

/** 1 stands for none: a plan has -1 there. */
const usualWidths: ReadonlySet<number> = new Set([1, 2, 4, 8]);
