/**
 * One line of a recording into one event: its head, then its fields by the name of its event. A line that was broken into
 * several is put together again; one that is no event is taken for what it says, or left out.
 */
import { type EventBatch, unknownDirection } from "../event.js";
import type { LineBlocks } from "../line_blocks.js";
import type { Account } from "./account.js";
import type { BesideEvents } from "./beside_events.js";
import { type EventForm, formNames, forms } from "./event_form.js";
import { Fields } from "./fields.js";
import { LineHead } from "./line_head.js";
import { type LineNames, noTask } from "./line_names.js";
import { decode, shown } from "./notices.js";
import { oddLine } from "./odd_line.js";
import { ProbeFields, probeNumber } from "./probe_fields.js";
import type { TextForm } from "./text_form.js";
import type { TimeOrder } from "./time_order.js";
import { numberOf, words } from "./words.js";
import { joinNext, unquoted } from "./wrapped.js";

const formWords = words(formNames);
/** What `read` returns instead of where the next line begins. */
export const withNextBlock = -1;
/** Lines that one event may have been broken into. */
const joinedMax = 128;
/** A task and a CPU, and no event yet: the rest is on the next line. */
const broken = /-\d+\s+\[\d{1,5}\]\s*[^\s:]{0,12}\s*(?:\d+\.\d+:?)?\s*$/;

/** What a line is read from, and what is told of it. */
export interface LineParts {
  readonly form: TextForm;
  readonly blocks: LineBlocks;
  readonly names: LineNames;
  readonly order: TimeOrder;
  readonly account: Account;
  readonly beside: BesideEvents;
}

export class LineReader {
  /** The recording has shown the list form of kernels whose allocations set their direction. */
  directionsSet = false;
  readonly #o: LineParts;
  readonly #bytes: Uint8Array;
  readonly #head: LineHead;
  readonly #fields: Fields;
  readonly #probeFields: ProbeFields;

  constructor(o: LineParts) {
    this.#o = o;
    const { bytes } = o.blocks;
    this.#bytes = bytes;
    this.#head = new LineHead(bytes);
    this.#fields = new Fields(bytes);
    this.#probeFields = new ProbeFields(bytes);
  }

  /**
   * @param joined how many further lines were put to this one
   * @returns where the next line begins, or `withNextBlock` when what may belong to this one is not there yet.
   */
  read(from: number, joined = 0): number {
    const bytes = this.#bytes;
    const head = this.#head;
    const { account, beside, names, order } = this.#o;
    const at = bytes[from] === 62 ? unquoted(bytes, from) : from;
    if (bytes[at] === 35 || !head.read(at)) return this.#readOdd(at, joined);
    const task = names.task(at, head.taskEnd);
    if (task === noTask) return this.#readOdd(at, joined);
    beside.beforeFirst(head.time);
    const number = numberOf(formWords, head.nameHash);
    const { batch } = order;
    const i = batch.blank();
    batch.time[i] = head.time;
    batch.cpu[i] = head.cpu;
    batch.context[i] = head.context;
    batch.task[i] = task;
    if (number === -1) {
      const end = bytes.indexOf(10, head.fields);
      if (this.#cut(end)) return this.#leaveCutOut(end);
      const probe = probeNumber(head.nameHash);
      if (probe !== -1) this.#readProbe(end, probe, i);
      this.#append();
      return end + 1;
    }
    const { listDmaUsed, listPhysUsed } = batch;
    const form = forms[number]!;
    const whole = this.#fields.read(head.fields, form, batch, i);
    if (!whole || (this.#cut(this.#fields.end) && !this.#fields.closed)) {
      batch.listDmaUsed = listDmaUsed;
      batch.listPhysUsed = listPhysUsed;
      const { fields } = head;
      if (this.#awaits(from)) return withNextBlock;
      if (this.#joins(at, joined)) return this.read(at, joined + 1);
      account.sawStrange(() => shown(bytes, fields, bytes.indexOf(10, fields)));
      // What the kernel recorded is not known: what comes to nothing here may have been in it.
      if (!this.#cut(bytes.indexOf(10, at))) beside.takeLost(head.cpu, 1);
      return this.#leaveOut(at, "an event with all its fields");
    }
    batch.kind[i] = form.kind;
    this.#nameDevice(this.#fields.deviceFrom, this.#fields.deviceTo, batch, i);
    this.#fillDirection(form, batch, i);
    account.known++;
    this.#append();
    return this.#fields.end + 1;
  }

  /** Take the event that stands behind the batch's last into the order of time. @param ticks its time is no seconds */
  take(ticks: boolean): void {
    const { account, order } = this.#o;
    const { batch, latest } = order;
    const time = batch.time[batch.count]!;
    if (!order.append()) account.sawOtherClock(latest, time, ticks);
  }

  /** Whether the line at `from` is the last of its block and not of the source: once, it is then read again. */
  #awaits(from: number): boolean {
    const { blocks } = this.#o;
    return from > 0 && this.#bytes.indexOf(10, from) + 1 === blocks.to && !blocks.unended;
  }

  /** Put the next line to the one at `at`, unless it is an event itself. @returns whether that was done. */
  #joins(at: number, joined: number): boolean {
    const bytes = this.#bytes;
    const end = bytes.indexOf(10, at);
    const { to } = this.#o.blocks;
    if (joined >= joinedMax || end + 1 >= to || this.#cut(end)) return false;
    const next = unquoted(bytes, end + 1);
    if (bytes[next] === 35 || this.#head.read(next)) return false;
    if (!joinNext(bytes, end, to)) return false;
    this.#o.account.line++;
    return true;
  }

  /** An event of a probe's name whose arguments are others is somebody else's probe, and stays `other`. */
  #readProbe(end: number, probe: number, i: number): void {
    const { batch } = this.#o.order;
    const fields = this.#probeFields;
    if (!fields.read(this.#head.fields, end, probe, batch, i)) return;
    this.#nameDevice(fields.deviceFrom, fields.deviceTo, batch, i);
    this.#o.account.known++;
  }

  #append(): void {
    const { account } = this.#o;
    const { cpu, ticks } = this.#head;
    account.events++;
    if (cpu >= account.cpus) account.cpus = cpu + 1;
    if (ticks) account.sawTicks();
    this.take(ticks);
  }

  #nameDevice(from: number, to: number, batch: EventBatch, i: number): void {
    if (from !== to) batch.device[i] = this.#o.names.device(from, to);
  }

  /**
   * Kernels before the capped list form (January 2026) print a direction of allocations that was never set. Coherent
   * memory has one direction only, so `dma_alloc` is believed when it shows that one.
   */
  #fillDirection(form: EventForm, batch: EventBatch, i: number): void {
    if (this.#fields.capped) this.directionsSet = true;
    if (form.direction === "set") return;
    const believed = form.direction === "coherent" ? batch.direction[i] === 0 : this.directionsSet;
    if (!believed) batch.direction[i] = unknownDirection;
  }

  /** A line that is no event. @returns where the next one begins. */
  #readOdd(at: number, joined: number): number {
    const bytes = this.#bytes;
    const { account, beside, form } = this.#o;
    const end = bytes.indexOf(10, at);
    const text = decode(bytes, at, Math.min(end, at + 256));
    const said = oddLine(text);
    if (said.kind === "stripped") {
      account.sawStripped(said.why);
      return this.#leaveOut(at, form.line);
    }
    if (said.kind === "unknown") {
      if (broken.test(text)) {
        if (this.#awaits(at)) return withNextBlock;
        if (this.#joins(at, joined)) return this.read(at, joined + 1);
      }
      return this.#leaveOut(at, form.line);
    }
    if (said.kind !== "quiet" || bytes[at] === 35) account.hasHeader = true;
    beside.take(said);
    return end + 1;
  }

  /** Whether the line that ends at `end` is the source's last and has no newline of its own. */
  #cut(end: number): boolean {
    const { blocks } = this.#o;
    return blocks.unended && end + 1 === blocks.to;
  }

  #leaveCutOut(end: number): number {
    this.#o.account.leaveCutOut();
    return end + 1;
  }

  #leaveOut(at: number, expected: string): number {
    const end = this.#bytes.indexOf(10, at);
    if (this.#cut(end)) return this.#leaveCutOut(end);
    this.#o.account.leaveOut(expected, shown(this.#bytes, at, end));
    return end + 1;
  }
}
