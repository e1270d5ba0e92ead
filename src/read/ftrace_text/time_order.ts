/**
 * Events in order of time over all CPUs, in bounded memory.
 *
 * `trace` and `trace-cmd report` print in order; `trace_pipe` nearly so. The latest events are held back, and an event
 * that arrives late among them is put where its time says. One CPU's buffer never runs backwards: where its times do,
 * or where an event is older than what was handed out, the rest is of another clock and follows in the order of the
 * file.
 */
import { EventBatch } from "../event.js";
import { copyEvents } from "./copy_events.js";

/** Events that wait at once, and how many of them stay back while there is more to read. */
export const waitingEvents = 16384;
const held = 4096;
/** List entries that wait at once: a hostile file has thousands in each line. */
const listEntriesMax = 1 << 20;

export class TimeOrder {
  /** Where the reader puts its next event: `blank`, fill, then `append`. */
  batch: EventBatch;
  /** Times another clock was seen to begin. */
  restarts = 0;
  #spare: EventBatch;
  readonly #order = new Uint32Array(waitingEvents);
  /** Events of the batch from here on belong to the present clock, are in order so far, and end with this time. */
  #clockFrom = 0;
  #inOrder = true;
  #latest = -Infinity;
  /** Latest time of the present clock that was handed out. */
  #handedOut = -Infinity;
  readonly #latestOfCpu = new Float64Array(65536);
  readonly #clockOfCpu = new Int32Array(65536).fill(-1);
  /** While events are handed out: the next one, and the first one held back. */
  #next = 0;
  #until = 0;

  /** @param batches of `waitingEvents` events, when they are to be memory of the caller's. */
  constructor(batches: readonly [EventBatch, EventBatch] | null = null) {
    this.batch = batches?.[0] ?? new EventBatch(waitingEvents);
    this.#spare = batches?.[1] ?? new EventBatch(waitingEvents);
  }

  get full(): boolean {
    const { batch } = this;
    return batch.count === waitingEvents || batch.listDmaUsed > listEntriesMax || batch.listPhysUsed > listEntriesMax;
  }

  /** Time of the latest event appended; -Infinity before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** Take event `batch.count`, filled after `blank`. @returns false when its time begins another clock. */
  append(): boolean {
    const i = this.batch.count++;
    const time = this.batch.time[i]!;
    const cpu = this.batch.cpu[i]!;
    const restart =
      time < this.#handedOut || (this.#clockOfCpu[cpu] === this.restarts && time < this.#latestOfCpu[cpu]!);
    if (restart) this.#restart(i);
    this.#clockOfCpu[cpu] = this.restarts;
    this.#latestOfCpu[cpu] = time;
    if (time < this.#latest) this.#inOrder = false;
    else this.#latest = time;
    return !restart;
  }

  /** Take the events up to `count`, all filled, as far as they are in order: the first that is not is next. */
  appendInOrder(count: number): void {
    const { time, cpu } = this.batch;
    const latestOfCpu = this.#latestOfCpu;
    const clockOfCpu = this.#clockOfCpu;
    const clock = this.restarts;
    let latest = this.#latest;
    let i = this.batch.count;
    // What is no earlier than all before it begins no clock, whatever its CPU.
    for (; i < count && time[i]! >= latest; i++) {
      latest = time[i]!;
      clockOfCpu[cpu[i]!] = clock;
      latestOfCpu[cpu[i]!] = latest;
    }
    this.#latest = latest;
    this.batch.count = i;
  }

  /** No more is appended until all that is ready was handed out. @param all at the end of the recording. */
  settle(all: boolean): void {
    const { batch } = this;
    this.#sort(this.#clockFrom, batch.count);
    this.#next = 0;
    this.#until = all ? batch.count : Math.max(this.#clockFrom, batch.count - held, Math.ceil(batch.count / 2));
    if (this.#until > this.#clockFrom) this.#handedOut = batch.time[this.#order[this.#until - 1]!]!;
  }

  /** Hand out what is ready, up to the room in `to`. @returns false when there was nothing. */
  handOut(to: EventBatch): boolean {
    if (this.#next === this.#until) return false;
    const end = Math.min(this.#until, this.#next + to.capacity - to.count);
    this.#copy(this.#next, end, to);
    this.#next = end;
    if (end === this.#until) this.#keepRest();
    return true;
  }

  #restart(i: number): void {
    this.#sort(this.#clockFrom, i);
    this.#clockFrom = i;
    this.#inOrder = true;
    this.#latest = this.#handedOut = -Infinity;
    this.restarts++;
  }

  /** Write the order of events [from, to): by time, and as in the file where times are equal. */
  #sort(from: number, to: number): void {
    const order = this.#order;
    for (let i = from; i < to; i++) order[i] = i;
    if (this.#inOrder) return;
    const { time } = this.batch;
    let moves = (to - from) * 16;
    for (let i = from + 1; i < to && moves > 0; i++) {
      const event = order[i]!;
      const t = time[event]!;
      let j = i;
      while (j > from && time[order[j - 1]!]! > t) order[j] = order[--j]!;
      order[j] = event;
      moves -= i - j;
    }
    if (moves <= 0) order.subarray(from, to).sort((a, b) => time[a]! - time[b]! || a - b);
  }

  #copy(from: number, to: number, into: EventBatch): void {
    const order = this.#order;
    for (let i = from; i < to; ) {
      const first = order[i]!;
      let count = 1;
      while (i + count < to && order[i + count] === first + count) count++;
      copyEvents(this.batch, first, count, into);
      i += count;
    }
  }

  /** What was held back becomes the beginning of the next batch. */
  #keepRest(): void {
    const { batch } = this;
    const rest = this.#spare;
    rest.clear();
    this.#copy(this.#until, batch.count, rest);
    this.batch = rest;
    this.#spare = batch;
    this.#clockFrom = 0;
    this.#inOrder = true;
    this.#next = this.#until = 0;
  }
}
