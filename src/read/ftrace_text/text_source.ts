/**
 * A recording as text, whoever printed it: one pass from bytes to columns, in bounded memory.
 *
 * Nothing is made for a line but numbers in columns; strings are made for the first line of each task and device, and
 * for lines that are no events.
 */
import type { ByteSource } from "../bytes.js";
import { EventBatch, EventKind, type EventSource, type SourceFormat, unknownDirection } from "../event.js";
import { LineBlocks } from "../line_blocks.js";
import type { Names } from "../names.js";
import { warnOfOverrun } from "../overrun.js";
import { Unreadable, Warnings } from "../unreadable.js";
import { type EventForm, formNames, forms } from "./event_form.js";
import { FastLines } from "./fast_lines.js";
import { Fields } from "./fields.js";
import { LineHead } from "./line_head.js";
import { LineNames, namesMax, noTask } from "./line_names.js";
import { clockNotice, decode, namesNotice, shown, ticksNotice } from "./notices.js";
import { oddLine } from "./odd_line.js";
import { ProbeFields, probeNumber } from "./probe_fields.js";
import type { TextForm } from "./text_form.js";
import { TimeOrder } from "./time_order.js";
import { numberOf, words } from "./words.js";
import { joinNext, unquoted } from "./wrapped.js";

const formWords = words(formNames);
/** Lines without a single event among them after which a file is no recording. */
const patience = 100_000;
/** Lines that could not be read and are told one by one. */
const toldMax = 5;

export class TextSource implements EventSource {
  readonly clock = null;
  readonly devices: Names;
  readonly tasks: Names;
  readonly warnings = new Warnings();
  readonly batch = new EventBatch();
  kernel: string | null = null;
  lost = 0;
  readonly #name: string;
  readonly #form: TextForm;
  readonly #blocks: LineBlocks;
  readonly #head: LineHead;
  readonly #fields: Fields;
  readonly #probeFields: ProbeFields;
  readonly #order: TimeOrder;
  /** Reads most lines; null where it cannot run, and all is read here. */
  #fast: FastLines | null;
  readonly #names: LineNames;
  #cpusSaid = 0;
  #cpusSeen = 0;
  #line = 0;
  /** Events taken, those of a listed tracepoint, lines left out, and whether any line looked like a recording's. */
  #events = 0;
  #known = 0;
  #unread = 0;
  #header = false;
  /** Listed events in a form that is not known, and the fields of the first. */
  #strange = 0;
  #strangeFirst = "";
  /** Why lines are no whole events, when that can be told. */
  #stripped: string | null = null;
  /** Events lost before the first event, which has the first time. */
  #lostFirst = 0;
  #lostFirstCpu = 0;
  #ticks = false;
  #namesFull = false;
  /** The recording has shown the list form of kernels whose allocations set their direction. */
  #directionsSet = false;
  #over = false;

  constructor(source: ByteSource, form: TextForm, fast: FastLines | null = FastLines.start()) {
    this.#name = source.name;
    this.#form = form;
    this.#fast = fast;
    this.#order = new TimeOrder(fast?.batches);
    this.#blocks = new LineBlocks(source, fast?.bytes);
    const { bytes } = this.#blocks;
    this.#names = new LineNames(bytes, form, () => this.#sawTooManyNames());
    this.tasks = this.#names.tasks;
    this.devices = this.#names.devices;
    this.#head = new LineHead(bytes);
    this.#fields = new Fields(bytes);
    this.#probeFields = new ProbeFields(bytes);
  }

  get format(): SourceFormat {
    return this.#form.format;
  }

  get cpus(): number {
    return Math.max(this.#cpusSaid, this.#cpusSeen);
  }

  get ticks(): boolean {
    return this.#ticks;
  }

  get excerpt(): boolean {
    return this.#cpusSaid === 0;
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
    const blocks = this.#blocks;
    while (!this.#order.full) {
      if (blocks.from === blocks.to && !blocks.next()) {
        this.#end();
        return;
      }
      const { bytes, to } = blocks;
      // The source's last line may be cut when it has no newline of its own.
      const whole = blocks.unended ? bytes.lastIndexOf(10, to - 2) + 1 : to;
      let at = blocks.from;
      while (at < to && !this.#order.full) {
        at = this.#readFast(at, whole);
        if (at === to || this.#order.full) break;
        this.#line++;
        const next = this.#readLine(bytes, at);
        if (next === withNextBlock) {
          this.#line--;
          blocks.hold(at);
          break;
        }
        this.#fast?.learn(this.#names);
        at = next;
      }
      blocks.from = at;
      if (this.#events === 0 && this.#unread > patience) this.#refuse();
    }
    this.#order.settle(false);
  }

  /**
   * Read lines as fast as may be, as far as they are like most.
   * @returns where the first line is that was not read.
   */
  #readFast(from: number, to: number): number {
    const fast = this.#fast;
    const order = this.#order;
    const { batch } = order;
    // What was lost before the first event is told with that event.
    if (fast === null || from >= to || this.#events === 0 || !batch.inPlace) return from;
    const first = batch.count;
    const count = fast.read(from, to, batch);
    this.#events += count - first;
    this.#known += fast.known;
    this.#directionsSet ||= fast.directionsSet;
    let cpus = this.#cpusSeen;
    for (let i = first; i < count; i++) if (batch.cpu[i]! >= cpus) cpus = batch.cpu[i]! + 1;
    this.#cpusSeen = cpus;
    const line = this.#line - first;
    for (;;) {
      order.appendInOrder(count);
      if (batch.count === count) break;
      this.#line = line + batch.count + 1;
      this.#appendToOrder(false);
    }
    this.#line = line + count;
    return fast.at;
  }

  /**
   * @param joined how many further lines were put to this one
   * @returns where the next line begins, or `withNextBlock` when what may belong to this one is not there yet.
   */
  #readLine(bytes: Uint8Array, from: number, joined = 0): number {
    const head = this.#head;
    const at = bytes[from] === 62 ? unquoted(bytes, from) : from;
    if (bytes[at] === 35 || !head.read(at)) return this.#readOdd(bytes, at, joined);
    const task = this.#names.task(at, head.taskEnd);
    if (task === noTask) return this.#readOdd(bytes, at, joined);
    if (this.#lostFirst !== 0) this.#appendLostFirst();
    const number = numberOf(formWords, head.nameHash);
    const { batch } = this.#order;
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
      if (this.#awaits(bytes, from)) return withNextBlock;
      if (this.#joins(bytes, at, joined)) return this.#readLine(bytes, at, joined + 1);
      this.#sawStrange(bytes, fields);
      // What the kernel recorded is not known: what comes to nothing here may have been in it.
      if (!this.#cut(bytes.indexOf(10, at))) this.#readLost(head.cpu, 1);
      return this.#leaveOut(bytes, at, "an event with all its fields");
    }
    batch.kind[i] = form.kind;
    this.#nameDevice(this.#fields.deviceFrom, this.#fields.deviceTo, batch, i);
    this.#fillDirection(form, batch, i);
    this.#known++;
    this.#append();
    return this.#fields.end + 1;
  }

  /** Whether the line at `from` is the last of its block and not of the source: once, it is then read again. */
  #awaits(bytes: Uint8Array, from: number): boolean {
    return from > 0 && bytes.indexOf(10, from) + 1 === this.#blocks.to && !this.#blocks.unended;
  }

  /** Put the next line to the one at `at`, unless it is an event itself. @returns whether that was done. */
  #joins(bytes: Uint8Array, at: number, joined: number): boolean {
    const end = bytes.indexOf(10, at);
    const { to } = this.#blocks;
    if (joined >= joinedMax || end + 1 >= to || this.#cut(end)) return false;
    const next = unquoted(bytes, end + 1);
    if (bytes[next] === 35 || this.#head.read(next)) return false;
    if (!joinNext(bytes, end, to)) return false;
    this.#line++;
    return true;
  }

  /** A listed event whose fields are none that a kernel prints. */
  #sawStrange(bytes: Uint8Array, fields: number): void {
    this.#strange++;
    if (this.#strangeFirst === "") this.#strangeFirst = shown(bytes, fields, bytes.indexOf(10, fields));
  }

  /** An event of a probe's name whose arguments are others is somebody else's probe, and stays `other`. */
  #readProbe(end: number, probe: number, i: number): void {
    const { batch } = this.#order;
    const fields = this.#probeFields;
    if (!fields.read(this.#head.fields, end, probe, batch, i)) return;
    this.#nameDevice(fields.deviceFrom, fields.deviceTo, batch, i);
    this.#known++;
  }

  #append(): void {
    this.#events++;
    if (this.#head.cpu >= this.#cpusSeen) this.#cpusSeen = this.#head.cpu + 1;
    if (this.#head.ticks) this.#sawTicks();
    this.#appendToOrder(this.#head.ticks);
  }

  #appendToOrder(ticks: boolean): void {
    const { batch, latest } = this.#order;
    const time = batch.time[batch.count]!;
    if (!this.#order.append()) this.#warn(clockNotice(latest, time, ticks));
  }

  #nameDevice(from: number, to: number, batch: EventBatch, i: number): void {
    if (from !== to) batch.device[i] = this.#names.device(from, to);
  }

  /**
   * Kernels before the capped list form (January 2026) print a direction of allocations that was never set. Coherent
   * memory has one direction only, so `dma_alloc` is believed when it shows that one.
   */
  #fillDirection(form: EventForm, batch: EventBatch, i: number): void {
    if (this.#fields.capped) {
      this.#directionsSet = true;
      if (this.#fast !== null) this.#fast.directionsSet = true;
    }
    if (form.direction === "set") return;
    const believed = form.direction === "coherent" ? batch.direction[i] === 0 : this.#directionsSet;
    if (!believed) batch.direction[i] = unknownDirection;
  }

  /** A line that is no event. @returns where the next one begins. */
  #readOdd(bytes: Uint8Array, at: number, joined: number): number {
    const end = bytes.indexOf(10, at);
    const said = oddLine(decode(bytes, at, Math.min(end, at + 256)));
    if (said.kind === "stripped") {
      this.#stripped ??= said.why;
      return this.#leaveOut(bytes, at, this.#form.line);
    }
    if (said.kind === "unknown") {
      if (broken.test(decode(bytes, at, Math.min(end, at + 256)))) {
        if (this.#awaits(bytes, at)) return withNextBlock;
        if (this.#joins(bytes, at, joined)) return this.#readLine(bytes, at, joined + 1);
      }
      return this.#leaveOut(bytes, at, this.#form.line);
    }
    if (said.kind !== "quiet" || bytes[at] === 35) this.#header = true;
    if (said.kind === "cpus") this.#cpusSaid = said.cpus;
    else if (said.kind === "kernel") this.kernel = said.release;
    else if (said.kind === "lost") this.#readLost(said.cpu, said.count);
    else if (said.kind === "overwritten") {
      this.#cpusSaid = said.cpus;
      this.lost += said.events;
      warnOfOverrun(this.warnings, said.events);
    }
    return end + 1;
  }

  #readLost(cpu: number, count: number): void {
    this.lost += Math.max(1, count);
    if (this.#events === 0) {
      this.#lostFirst += Math.max(1, count);
      this.#lostFirstCpu = cpu;
    } else this.#appendLost(this.#order.latest, cpu, count);
  }

  #appendLostFirst(): void {
    this.#appendLost(this.#head.time, this.#lostFirstCpu, this.#lostFirst);
    this.#lostFirst = 0;
  }

  #appendLost(time: number, cpu: number, count: number): void {
    const { batch } = this.#order;
    const i = batch.blank();
    batch.kind[i] = EventKind.lost;
    batch.time[i] = time;
    batch.cpu[i] = cpu;
    batch.size[i] = count;
    this.#order.append();
  }

  /** Whether the line that ends at `end` is the source's last and has no newline of its own. */
  #cut(end: number): boolean {
    return this.#blocks.unended && end + 1 === this.#blocks.to;
  }

  #leaveCutOut(end: number): number {
    this.#warn("expected a newline, found the end of the file: this line left out as cut");
    return end + 1;
  }

  #leaveOut(bytes: Uint8Array, at: number, expected: string): number {
    const end = bytes.indexOf(10, at);
    if (this.#cut(end)) return this.#leaveCutOut(end);
    if (this.#unread++ < toldMax) this.#warn(`expected ${expected}, found ${shown(bytes, at, end)}: line left out`);
    return end + 1;
  }

  #warn(what: string): void {
    this.warnings.add(`line ${this.#line}`, what);
  }

  #sawTicks(): void {
    if (this.#ticks) return;
    this.#ticks = true;
    this.#warn(ticksNotice);
  }

  #sawTooManyNames(): void {
    if (this.#namesFull) return;
    this.#namesFull = true;
    this.#warn(namesNotice(namesMax));
  }

  #end(): void {
    this.#over = true;
    if (this.#events === 0 && (!this.#header || this.#unread > 0)) this.#refuse();
    if (this.#blocks.dropped > 0) {
      this.warnings.add("", `${this.#blocks.dropped} bytes left out: lines longer than a megabyte`);
    }
    if (this.#unread > toldMax) this.warnings.add("", `${this.#unread} lines left out in all: they are no events`);
    if (this.#events === 0) this.warnings.add("", "a header, but not one event");
    else if (this.#known === 0) {
      this.warnings.add("", `no dma, swiotlb or iommu event among ${this.#events}: these were not recorded`);
    }
    this.#order.settle(true);
  }

  #refuse(): never {
    this.#over = true;
    const strange = `${this.#strange} events in a form that is not known, the first with ${this.#strangeFirst}`;
    const none = this.#strange > 0 ? strange : `${this.#line} lines, none of them an event`;
    const found = this.#line === 0 ? "an empty file" : (this.#stripped ?? none);
    throw new Unreadable(this.#name, "", this.#form.line, found);
  }
}

/** What `#readLine` returns instead of where the next line begins. */
const withNextBlock = -1;
/** Lines that one event may have been broken into. */
const joinedMax = 128;
/** A task and a CPU, and no event yet: the rest is on the next line. */
const broken = /-\d+\s+\[\d{1,5}\]\s*[^\s:]{0,12}\s*(?:\d+\.\d+:?)?\s*$/;
