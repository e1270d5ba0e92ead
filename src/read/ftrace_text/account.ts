/** What was read of a recording and what was left out, and what is told of both. */
import { Unreadable, Warnings } from "../unreadable.js";
import { namesMax } from "./line_names.js";
import { clockNotice, namesNotice, ticksNotice } from "./notices.js";
import type { TextForm } from "./text_form.js";

/** Lines without a single event among them after which a file is no recording. */
const patience = 100_000;
/** Lines that could not be read and are told one by one. */
const toldMax = 5;

export class Account {
  readonly warnings = new Warnings();
  /** The line at hand, from 1 on. */
  line = 0;
  /** Events taken, and those of them that are of a listed tracepoint. */
  events = 0;
  known = 0;
  /** CPUs by what events say: one more than the highest number. */
  cpus = 0;
  /** Some line looked like a recording's. */
  hasHeader = false;
  readonly #name: string;
  readonly #form: TextForm;
  #unread = 0;
  /** Listed events in a form that is not known, and the fields of the first. */
  #strange = 0;
  #strangeFirst = "";
  /** Why lines are no whole events, when that can be told. */
  #stripped: string | null = null;
  #ticks = false;
  #namesFull = false;

  /** @param name of the source */
  constructor(name: string, form: TextForm) {
    this.#name = name;
    this.#form = form;
  }

  /** Times are in the clock's own units. */
  get ticks(): boolean {
    return this.#ticks;
  }

  /** So many lines, and no event: what this is is no recording. */
  get isHopeless(): boolean {
    return this.events === 0 && this.#unread > patience;
  }

  warn(what: string): void {
    this.warnings.add(`line ${this.line}`, what);
  }

  leaveOut(expected: string, found: string): void {
    if (this.#unread++ < toldMax) this.warn(`expected ${expected}, found ${found}: line left out`);
  }

  leaveCutOut(): void {
    this.warn("expected a newline, found the end of the file: this line left out as cut");
  }

  /** A listed event whose fields are none that a kernel prints. @param shown them, asked for once */
  sawStrange(shown: () => string): void {
    if (this.#strange++ === 0) this.#strangeFirst = shown();
  }

  sawStripped(why: string): void {
    this.#stripped ??= why;
  }

  /** @param latest the time before one that begins another clock */
  sawOtherClock(latest: number, time: number, ticks: boolean): void {
    this.warn(clockNotice(latest, time, ticks));
  }

  sawTicks(): void {
    if (this.#ticks) return;
    this.#ticks = true;
    this.warn(ticksNotice);
  }

  sawTooManyNames(): void {
    if (this.#namesFull) return;
    this.#namesFull = true;
    this.warn(namesNotice(namesMax));
  }

  /** The source is read. @param dropped bytes of lines that were too long @throws Unreadable when it is no recording. */
  end(dropped: number): void {
    if (this.events === 0 && (!this.hasHeader || this.#unread > 0)) this.refuse();
    const { warnings } = this;
    if (dropped > 0) warnings.add("", `${dropped} bytes left out: lines longer than a megabyte`);
    if (this.#unread > toldMax) warnings.add("", `${this.#unread} lines left out in all: they are no events`);
    if (this.events === 0) warnings.add("", "a header, but not one event");
    else if (this.known === 0) {
      warnings.add("", `no dma, swiotlb or iommu event among ${this.events}: these were not recorded`);
    }
  }

  /** @throws Unreadable that says what was found instead of a recording. */
  refuse(): never {
    const strange = `${this.#strange} events in a form that is not known, the first with ${this.#strangeFirst}`;
    const none = this.#strange > 0 ? strange : `${this.line} lines, none of them an event`;
    const found = this.line === 0 ? "an empty file" : (this.#stripped ?? none);
    throw new Unreadable(this.#name, "", this.#form.line, found);
  }
}
