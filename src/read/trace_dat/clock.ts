/**
 * Time stamps of 64 bits as doubles: counted from the first one seen, so that they stay exact for 104 days around it
 * whatever the clock's zero is ("tai" counts from 1970, which no double holds to the nanosecond).
 */
import { u64 } from "../../base/u64.js";
export class Clock {
  #high = 0;
  #low = 0;
  #set = false;
  /** Microseconds, and nanoseconds beyond them, of the first time stamp. */
  #microseconds = 0;
  #nanoseconds = 0;
  /** False for clocks that count something else: their values are taken as they are. */
  readonly #inNanoseconds: boolean;

  /** @param name of the trace clock. Source of those that do not count time: Linux kernel/trace/trace.c, trace_clocks. */
  constructor(name: string | null) {
    this.#inNanoseconds = !uncounted.has(name ?? "");
  }

  /** The first time stamp that was given, and what it is in microseconds and nanoseconds beyond them. */
  get first(): { high: number; low: number; microseconds: number; nanoseconds: number } {
    return { high: this.#high, low: this.#low, microseconds: this.#microseconds, nanoseconds: this.#nanoseconds };
  }

  get inNanoseconds(): boolean {
    return this.#inNanoseconds;
  }

  /** @returns the time stamp as nanoseconds after the first one that was given. */
  since(high: number, low: number): number {
    if (!this.#set) this.#begin(high, low);
    return u64(low - this.#low, high - this.#high);
  }

  /** @returns whole microseconds, rounded half up as the kernel rounds them to print. */
  microseconds(since: number): number {
    if (!this.#inNanoseconds) return u64(this.#low, this.#high) + since;
    // A product is quicker than a quotient, and as exact here: the double 0.001 lies above 1/1000 by so little that
    // below 2^52 a multiple of 1000 still gives its whole number, and one less than it does not.
    return this.#microseconds + Math.floor((this.#nanoseconds + since + 500) * 0.001);
  }

  #begin(high: number, low: number): void {
    this.#set = true;
    this.#high = high;
    this.#low = low;
    // 2^32 = 4294967 * 1000 + 296: exact in doubles, a half at a time.
    const rest = high * 296 + low;
    this.#microseconds = high * 4294967 + Math.floor(rest / 1000);
    this.#nanoseconds = rest % 1000;
  }
}

const uncounted: ReadonlySet<string> = new Set(["counter", "uptime", "x86-tsc", "ppc-tb", "timebase"]);
