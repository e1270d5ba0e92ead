/**
 * A recording as text, whoever printed it: one pass from bytes to columns, in bounded memory.
 *
 * Nothing is made for a line but numbers in columns; strings are made for the first line of each task and device, and
 * for lines that are no events.
 */
import type { ByteSource } from "../bytes.js";
import { EventBatch, type EventSource, type SourceFormat } from "../event.js";
import { LineBlocks } from "../line_blocks.js";
import type { Names } from "../names.js";
import type { Warnings } from "../unreadable.js";
import { Account } from "./account.js";
import { BesideEvents } from "./beside_events.js";
import { FastLines } from "./fast_lines.js";
import { LineNames } from "./line_names.js";
import { LineReader, withNextBlock } from "./line_reader.js";
import { absentNotice } from "./notices.js";
import type { TextForm } from "./text_form.js";
import { TimeOrder } from "./time_order.js";

export class TextSource implements EventSource {
  readonly clock = null;
  readonly devices: Names;
  readonly tasks: Names;
  readonly warnings: Warnings;
  readonly batch = new EventBatch();
  readonly #form: TextForm;
  readonly #blocks: LineBlocks;
  readonly #names: LineNames;
  readonly #order: TimeOrder;
  readonly #account: Account;
  readonly #beside: BesideEvents;
  /** Reads any line. */
  readonly #lines: LineReader;
  /** Reads most lines; null where it cannot run. */
  #fast: FastLines | null;
  #over = false;

  constructor(source: ByteSource, form: TextForm, fast: FastLines | null = FastLines.start()) {
    this.#form = form;
    this.#fast = fast;
    this.#order = new TimeOrder(fast?.batches);
    this.#blocks = new LineBlocks(source, fast?.bytes);
    const account = new Account(source.name, form);
    this.#account = account;
    this.warnings = account.warnings;
    this.#beside = new BesideEvents(this.#order, account);
    this.#names = new LineNames(this.#blocks.bytes, form, () => account.sawTooManyNames());
    this.tasks = this.#names.tasks;
    this.devices = this.#names.devices;
    this.#lines = new LineReader({
      ...{ form, account, blocks: this.#blocks, names: this.#names, order: this.#order, beside: this.#beside },
    });
  }

  get format(): SourceFormat {
    return this.#form.format;
  }

  get kernel(): string | null {
    return this.#beside.kernel;
  }

  get lost(): number {
    return this.#beside.lost;
  }

  get cpus(): number {
    return Math.max(this.#beside.cpus, this.#account.cpus);
  }

  get ticks(): boolean {
    return this.#account.ticks;
  }

  get excerpt(): boolean {
    return this.#beside.cpus === 0;
  }

  get absent(): number {
    return Math.max(0, this.#beside.counted - this.#account.events);
  }

  get holes(): string | null {
    return this.#order.restarts > 0 ? "Times run back: lines are out of their order, or of several recordings" : null;
  }

  get progress(): number {
    return this.#blocks.progress;
  }

  next(batch: EventBatch): boolean {
    batch.clear();
    for (;;) {
      while (batch.count < batch.capacity && this.#order.handOut(batch)) {}
      if (batch.count > 0) return true;
      if (this.#over) return this.#close();
      this.#readOn();
    }
  }

  /** All was handed out. @returns false, which says so. */
  #close(): false {
    this.#fast?.release();
    this.#fast = null;
    return false;
  }

  /** Read lines until as many events wait as may. */
  #readOn(): void {
    const account = this.#account;
    const blocks = this.#blocks;
    while (!this.#order.full) {
      if (blocks.from === blocks.to && !blocks.next()) {
        this.#over = true;
        account.end(blocks.dropped);
        if (this.absent > 0) this.warnings.add("", absentNotice(this.#beside.counted, account.events));
        this.#order.settle(true);
        return;
      }
      const { bytes, to } = blocks;
      // The source's last line may be cut when it has no newline of its own.
      const whole = blocks.unended ? bytes.lastIndexOf(10, to - 2) + 1 : to;
      let at = blocks.from;
      while (at < to && !this.#order.full) {
        at = this.#readFast(at, whole);
        if (at === to || this.#order.full) break;
        account.line++;
        const next = this.#lines.read(at);
        if (next === withNextBlock) {
          account.line--;
          blocks.hold(at);
          break;
        }
        this.#fast?.learn(this.#names);
        at = next;
      }
      blocks.from = at;
      if (account.isHopeless) {
        this.#over = true;
        account.refuse();
      }
    }
    this.#order.settle(false);
  }

  /**
   * Read lines as fast as may be, as far as they are like most.
   * @returns where the first line is that was not read.
   */
  #readFast(from: number, to: number): number {
    const fast = this.#fast;
    const account = this.#account;
    const lines = this.#lines;
    const order = this.#order;
    const { batch } = order;
    // What was lost before the first event is told with that event.
    if (fast === null || from >= to || account.events === 0 || !batch.inPlace) return from;
    const first = batch.count;
    fast.directionsSet = lines.directionsSet;
    const count = fast.read(from, to, batch);
    lines.directionsSet = fast.directionsSet;
    account.events += count - first;
    account.known += fast.known;
    let { cpus } = account;
    for (let i = first; i < count; i++) if (batch.cpu[i]! >= cpus) cpus = batch.cpu[i]! + 1;
    account.cpus = cpus;
    const line = account.line - first;
    for (;;) {
      order.appendInOrder(count);
      if (batch.count === count) break;
      account.line = line + batch.count + 1;
      lines.take(false);
    }
    account.line = line + count;
    return fast.at;
  }
}
