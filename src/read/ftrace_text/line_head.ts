/**
 * The part of an event's line before its fields: task, CPU, flags, time and the event's name.
 *
 * ftrace:      `  kworker/u8:1-34      [001] d.h2.     6.929439: dma_alloc: ` (the kernel's `trace`, `trace_pipe`)
 * trace-cmd:   `  kworker/u8:1-34    [001]     6.929439: dma_alloc:          `
 * perf script: `  kworker/u8:1    34 [001]     6.929439: dma:dma_alloc: `
 *
 * Source: Linux kernel/trace/trace_output.c as seen in recordings; trace-cmd 3.1.6; tools/perf/builtin-script.c.
 */
import { Context } from "../event.js";
import { step } from "./words.js";

const space = 32;
const newline = 10;
const colon = 58;

/** More digits than this and a time in microseconds is no longer exact. */
const secondsDigitsMax = 9;
const ticksDigitsMax = 15;

/** A scanner of line heads: `read` fills the fields below and allocates nothing. */
export class LineHead {
  /** The task lies in bytes [lineStart, taskEnd). */
  taskEnd = 0;
  cpu = 0;
  context: number = Context.unknown;
  /** Microseconds, or the clock's own units when `ticks`. */
  time = 0;
  ticks = false;
  /** Hash of the event's name, without the system that perf puts before it. */
  nameHash = 0;
  /** First byte of the fields: just after the name and its colon. */
  fields = 0;

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the bracket was in the last line: the tools print in columns. */
  #column = 0;

  /** @param bytes where lines are; 4 bytes past the last line may be read. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Scan the line that starts at `start`; a newline ends it. The first bracket that can be the CPU's is.
   * @returns false when no `[cpu] time: name` follows anything that could be a task.
   */
  read(start: number): boolean {
    const bytes = this.#bytes;
    const likely = start + this.#column;
    if (bytes[likely] === 91 && this.#plain(start, likely) && this.#atBracket(likely)) return true;
    for (let at = start; ; at++) {
      let c = bytes[at]!;
      while (c !== 91 && c !== newline) c = bytes[++at]!;
      if (c === newline) return false;
      // A bracket of the task's own name is followed by something else: the CPU comes later.
      if (at > start && this.#atBracket(at)) {
        this.#column = at - start;
        return true;
      }
    }
  }

  /** Whether neither a newline nor a bracket lies before `to`. */
  #plain(from: number, to: number): boolean {
    let at = from;
    for (; at + 4 <= to; at += 4) {
      const word = this.#view.getInt32(at, true);
      if (hasZero(word ^ 0x0a0a0a0a) || hasZero(word ^ 0x5b5b5b5b)) return false;
    }
    const bytes = this.#bytes;
    for (; at < to; at++) if (bytes[at] === newline || bytes[at] === 91) return false;
    return true;
  }

  #atBracket(at: number): boolean {
    this.taskEnd = at;
    return this.#bytes[at - 1] === space && this.#afterBracket(at + 1);
  }

  #afterBracket(from: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    let cpu = 0;
    let c = bytes[at]!;
    while (c >= 48 && c <= 57 && at - from < 5) {
      cpu = cpu * 10 + c - 48;
      c = bytes[++at]!;
    }
    if (c !== 93 || at === from || cpu > 65535) return false;
    this.cpu = cpu;
    c = bytes[++at]!;
    if (c !== space) return false;
    while (c === space) c = bytes[++at]!;
    this.context = Context.unknown;
    if (this.#time(at)) return true;
    return this.#flags(at);
  }

  /** Flags: irqs-off, need-resched, context, preemption depth, and more since 5.x; the third one is the context. */
  #flags(from: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    while (bytes[at]! > space && at - from < 12) at++;
    if (bytes[at] !== space || at - from < 3) return false;
    this.context = contextOf(bytes[from + 2]!);
    while (bytes[at] === space) at++;
    return this.#time(at);
  }

  #time(from: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    let whole = 0;
    let c = bytes[at]!;
    while (c >= 48 && c <= 57) {
      whole = whole * 10 + c - 48;
      c = bytes[++at]!;
    }
    const digits = at - from;
    if (digits === 0) return false;
    if (c === colon) {
      if (digits > ticksDigitsMax) return false;
      this.ticks = true;
      this.time = whole;
      return this.#name(at + 1);
    }
    if (c !== 46 || digits > secondsDigitsMax) return false;
    const point = at;
    let fraction = 0;
    c = bytes[++at]!;
    while (c >= 48 && c <= 57) {
      fraction = fraction * 10 + c - 48;
      c = bytes[++at]!;
    }
    const decimals = at - point - 1;
    if (c !== colon || decimals === 0 || decimals > 9) return false;
    if (decimals > 6) fraction /= decimals === 9 ? 1000 : 10 ** (decimals - 6);
    else if (decimals < 6) fraction *= 10 ** (6 - decimals);
    this.ticks = false;
    this.time = whole * 1e6 + fraction;
    return this.#name(at + 1);
  }

  /** A name ends at a colon before a blank; an earlier colon ends the system's name. */
  #name(from: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    let c = bytes[at]!;
    if (c !== space) return false;
    while (c === space) c = bytes[++at]!;
    if (c === newline) return false;
    let hash = 0;
    while (c > space) {
      if (c === colon) {
        if (bytes[at + 1]! <= space) {
          at++;
          break;
        }
        hash = 0;
      } else hash = step(hash, c);
      c = bytes[++at]!;
    }
    this.nameHash = hash;
    this.fields = at;
    return true;
  }
}

/** Whether one of the word's four bytes is zero: such a byte borrows from its own top bit. */
function hasZero(word: number): boolean {
  return ((word - 0x01010101) & ~word & 0x80808080) !== 0;
}

function contextOf(flag: number): number {
  if (flag === 46) return Context.task;
  if (flag === 104 || flag === 72) return Context.hardirq;
  if (flag === 115) return Context.softirq;
  if (flag === 122 || flag === 90) return Context.nmi;
  return Context.unknown;
}
