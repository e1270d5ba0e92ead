/** The events of all CPUs in order of time. */
import type { ByteSource } from "../bytes.js";
import { EventBatch, type EventSource } from "../event.js";
import { Names } from "../names.js";
import type { Warnings } from "../unreadable.js";
import { blankAll } from "./blank.js";
import { Clock } from "./clock.js";
import { CpuStream } from "./cpu_stream.js";
import { Decoder } from "./decoder.js";
import { FastMemory, FastRecords } from "./fast_records.js";
import { blockBytes, ChunkedPages, type PageFeed, StoredPages } from "./page_feed.js";
import { makePlans } from "./plan.js";
import type { CpuData, Recording } from "./recording.js";

export class TraceDatSource implements EventSource {
  readonly format = "trace.dat";
  readonly kernel: string | null;
  readonly cpus: number;
  readonly excerpt = false;
  readonly absent = 0;
  readonly clock: string | null;
  readonly ticks: boolean;
  readonly devices = new Names();
  readonly tasks = new Names();
  readonly warnings: Warnings;
  readonly batch: EventBatch;
  readonly #decoder: Decoder;
  readonly #clock: Clock;
  readonly #streams: readonly CpuStream[];
  /** The streams that are not done, as a heap: each goes before the two at twice its place and one, and two, further. */
  readonly #heap: CpuStream[];
  readonly #bytes: number;
  /** Reads what is undamaged; null where it cannot run, and all is read here. */
  readonly #fast: FastRecords | null;

  get holes(): string | null {
    return this.warnings.hasHoles ? "Parts of the recording cannot be read, and events are missing there" : null;
  }

  /** @param quick whether most is to be read by WebAssembly, where that can be. */
  constructor(source: ByteSource, recording: Recording, warnings: Warnings, quick = true) {
    this.warnings = warnings;
    this.kernel = recording.kernel;
    this.cpus = recording.cpus;
    this.clock = recording.buffer.clock;
    const plans = makePlans(recording.formats, recording.little);
    for (const m of plans.missing) warnings.add("", `${m} in this file's formats: that column stays empty`);
    this.#decoder = new Decoder(recording, plans, this.devices, this.tasks, warnings);
    this.#clock = new Clock(this.clock);
    this.ticks = !this.#clock.inNanoseconds;
    if (this.ticks) {
      warnings.add("", `the clock "${this.clock}" does not count time: its values are shown as they are`);
    }
    const { layout, little, buffer } = recording;
    const how = { layout, little, clock: this.#clock, warnings };
    const memory = quick ? FastMemory.start(recording, plans) : null;
    this.#streams = buffer.cpus.map((data, n) => {
      const feed = makeFeed(source, recording, data, warnings, memory?.room(n) ?? null);
      return new CpuStream(data.cpu, feed, how);
    });
    this.#heap = this.#streams.filter((s) => !s.done);
    for (let i = this.#heap.length >> 1; i-- > 0; ) this.#sink(i);
    this.#bytes = buffer.cpus.reduce((sum, { size }) => sum + size, 0);
    const parts = { recording, plans, clock: this.#clock, decoder: this.#decoder };
    this.#fast = memory === null ? null : new FastRecords(memory, this.#streams, parts);
    this.batch = this.#fast?.batch ?? new EventBatch();
  }

  get lost(): number {
    let lost = 0;
    for (const s of this.#streams) lost += s.lost;
    return lost;
  }

  get progress(): number {
    let taken = 0;
    for (const s of this.#streams) taken += s.taken;
    return this.#bytes === 0 ? 1 : taken / this.#bytes;
  }

  next(batch: EventBatch): boolean {
    if (this.#fast !== null) return this.#fast.next(batch);
    blankAll(batch);
    this.#decoder.into(batch);
    const heap = this.#heap;
    while (batch.count < batch.capacity && heap.length > 0) {
      const first = heap[0]!;
      const other = this.#second();
      if (other === null) first.run(batch, this.#decoder, Number.POSITIVE_INFINITY, true);
      else first.run(batch, this.#decoder, other.time, first.cpu < other.cpu);
      if (first.done) {
        const last = heap.pop()!;
        if (heap.length === 0) break;
        heap[0] = last;
      }
      this.#sink(0);
    }
    return batch.count > 0;
  }

  /** The stream that is due after the first of the heap. */
  #second(): CpuStream | null {
    const heap = this.#heap;
    if (heap.length < 2) return null;
    return heap.length > 2 && goesBefore(heap[2]!, heap[1]!) ? heap[2]! : heap[1]!;
  }

  #sink(at: number): void {
    const heap = this.#heap;
    const moved = heap[at]!;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && goesBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!goesBefore(heap[child]!, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }
}

/** Of two events at one time, the kernel takes that of the lower CPU first. */
function goesBefore(a: CpuStream, b: CpuStream): boolean {
  return a.time < b.time || (a.time === b.time && a.cpu < b.cpu);
}

/** @param room where the feed is to put its blocks, if anywhere. */
function makeFeed(
  source: ByteSource,
  recording: Recording,
  data: CpuData,
  warnings: Warnings,
  room: Uint8Array | null,
): PageFeed {
  const { pageBytes } = recording.layout;
  const { decompress, cpus } = recording.buffer;
  if (decompress === null) return new StoredPages(source, data, blockBytes(pageBytes, cpus.length), room);
  const { little } = recording;
  return new ChunkedPages(source, data, { decompress, little, pageBytes, cpuCount: cpus.length, warnings, room });
}
