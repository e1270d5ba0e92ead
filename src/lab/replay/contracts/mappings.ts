/**
 * Mappings that a replay has under its hands, in columns: a mapping is a number, which is used again once nobody keeps it.
 *
 * Its two operations have numbers of their own (`operation.ts`) and columns of when they were carried out. A number is kept
 * by the joiner until the mapping's end was read, by each operation until it was reported, and by the model of the pool.
 */
import { assert } from "../../../base/assert.js";
import type { BufferOnBus } from "./buffer_on_bus.js";
import { longer } from "./columns.js";
import { beginOf, endOf, isEnd, mappingOf, none, Outcome } from "./operation.js";

const firstCapacity = 1024;

/** What a driver asked for. */
const asked = [
  ...(["time", "cpu", "cpuAfter", "device", "task", "context", "direction", "attrs"] as const),
  ...(["orig", "size", "mask", "list", "listEnd"] as const),
] as const;
const byMapping = [
  ...asked,
  ...(["forced", "bounced", "retried", "answer", "outcome", "address", "offset", "taking"] as const),
] as const;
const byOperation = ["lo", "hi", "loEvent", "hiEvent", "at", "on", "previous", "done"] as const;

export class Mappings {
  #capacity = firstCapacity;
  #count = 0;
  #keepers = new Uint8Array(firstCapacity);
  #free = new Int32Array(firstCapacity);
  #freeCount = 0;

  // What a mapping is.

  /** When it was asked for, microseconds. */
  time = new Float64Array(firstCapacity);
  /** The CPU that asked, and that on which its own event was written: its task may have moved before it searched. */
  cpu = new Uint16Array(firstCapacity);
  cpuAfter = new Uint16Array(firstCapacity);
  /** Numbers of the source's `devices` and `tasks`; -1 for a mapping of before the recording. */
  device = new Int32Array(firstCapacity);
  task = new Int32Array(firstCapacity);
  context = new Uint8Array(firstCapacity);
  direction = new Uint8Array(firstCapacity);
  attrs = new Uint32Array(firstCapacity);
  /** Physical address of the driver's buffer; NaN where nothing says it. */
  orig = new Float64Array(firstCapacity);
  /** Bytes. */
  size = new Float64Array(firstCapacity);
  /** The device's DMA mask as swiotlb_bounced printed it; NaN for a mapping without such an event. */
  mask = new Float64Array(firstCapacity);
  /** 1: the kernel said that the bounce was forced. */
  forced = new Uint8Array(firstCapacity);
  /** 1 once it is known that the kernel bounced it: swiotlb_bounced was written, or the address is the pool's. */
  bounced = new Uint8Array(firstCapacity);
  /** 1: an entry of a scatter list, the last one of its list, one of a list that was tried again. */
  list = new Uint8Array(firstCapacity);
  listEnd = new Uint8Array(firstCapacity);
  retried = new Uint8Array(firstCapacity);
  /** What a probe says that its search was answered with: an address, -1 for none; NaN without one. */
  answer = new Float64Array(firstCapacity);
  /** An `Outcome`, and the bus address of one that was granted. */
  outcome = new Uint8Array(firstCapacity);
  address = new Float64Array(firstCapacity);
  /** Where its buffer lies on the bus; null where bus addresses are physical ones. */
  readonly onBus: (BufferOnBus | null)[] = [];

  // What others make of it, each one reader's own.

  /** Where it lives on the model of the pool, bytes from the pool's start; -1 = not there. */
  offset = new Float64Array(firstCapacity);
  /** The taking of slots that reports show for it; 0 = none. */
  taking = new Int32Array(firstCapacity);

  // When its two operations were carried out, by their numbers.

  /** Not before `lo` and not after `hi` (microseconds; `hi` is infinite until it is known). */
  lo = new Float64Array(2 * firstCapacity);
  hi = new Float64Array(2 * firstCapacity);
  /** Numbers of the events that bound it, -1 = none: exact order on one CPU, where times may be equal. */
  loEvent = new Float64Array(2 * firstCapacity);
  hiEvent = new Float64Array(2 * firstCapacity);
  /** When it most likely happened: where it stands unless addresses show otherwise. */
  at = new Float64Array(2 * firstCapacity);
  on = new Uint16Array(2 * firstCapacity);
  /** An operation of the same list that comes first, -1 = none. */
  previous = new Int32Array(2 * firstCapacity);
  /** 1 once the ordering has carried it out. */
  done = new Uint8Array(2 * firstCapacity);

  /** All numbers that are in use, or were, lie below this one. */
  get count(): number {
    return this.#count;
  }

  /**
   * A new mapping with its beginning, kept twice: by who joins events and by its beginning. What it is, and when it began,
   * is for the caller to fill in.
   */
  add(): number {
    const m = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#next();
    this.#keepers[m] = 2;
    this.direction[m] = 255;
    this.attrs[m] = 0;
    this.forced[m] = 0;
    this.bounced[m] = 0;
    this.list[m] = 0;
    this.listEnd[m] = 0;
    this.retried[m] = 0;
    this.mask[m] = Number.NaN;
    this.answer[m] = Number.NaN;
    this.outcome[m] = Outcome.open;
    this.address[m] = Number.NaN;
    if (this.onBus[m] !== null) this.onBus[m] = null;
    this.offset[m] = none;
    this.taking[m] = 0;
    this.#blank(beginOf(m));
    return m;
  }

  /** A mapping of before the recording, kept once, of which little is known. @param orig NaN when it is not known */
  addBefore(orig: number, size: number): number {
    const m = this.add();
    this.#keepers[m] = 1;
    this.time[m] = Number.NEGATIVE_INFINITY;
    this.cpu[m] = 0;
    this.cpuAfter[m] = 0;
    this.device[m] = none;
    this.task[m] = none;
    this.context[m] = 255;
    this.orig[m] = orig;
    this.size[m] = size;
    this.bounced[m] = 1;
    this.resolve(m, Outcome.granted, Number.NEGATIVE_INFINITY, none);
    return m;
  }

  /** A mapping that is asked for as one of another table, kept once; what becomes of it is for the caller to fill in. */
  addLike(from: Mappings, of: number): number {
    const m = this.add();
    this.#keepers[m] = 1;
    for (const name of asked) this[name][m] = from[name][of]!;
    this.onBus[m] = from.onBus[of]!;
    return m;
  }

  /** Its end, which keeps it; when that was is for the caller to fill in. @returns the operation. */
  end(m: number): number {
    this.keep(m);
    const op = endOf(m);
    this.#blank(op);
    return op;
  }

  keep(m: number): void {
    this.#keepers[m]!++;
  }

  /** One who kept it means it no longer. */
  drop(m: number): void {
    assert(this.#keepers[m]! > 0, "a mapping is dropped by who keeps it");
    if (--this.#keepers[m]! > 0) return;
    this.#free[this.#freeCount++] = m;
  }

  /** An end comes after another of its list, whose mapping it keeps. @param previous none where it is the first */
  follows(op: number, previous: number): void {
    if (previous === none) return;
    this.previous[op] = previous;
    this.keep(mappingOf(previous));
  }

  /** An operation was reported, or is not of interest: it keeps nothing any more. */
  reported(op: number): void {
    if (this.previous[op] !== none) this.drop(mappingOf(this.previous[op]!));
    this.drop(mappingOf(op));
  }

  /** Whether what became of an operation is known, and until when it had happened. */
  isSettled(op: number): boolean {
    return isEnd(op) ? this.hi[op]! !== Number.POSITIVE_INFINITY : this.outcome[mappingOf(op)] !== Outcome.open;
  }

  /** The outcome is known; so is the latest moment of the search, unless it was already. */
  resolve(m: number, outcome: Outcome, time: number, event: number): void {
    this.outcome[m] = outcome;
    const op = beginOf(m);
    if (this.hi[op]! !== Number.POSITIVE_INFINITY) return;
    this.hi[op] = time;
    this.hiEvent[op] = event;
  }

  /** All of it once more, to be carried out without a trace here. */
  copy(): Mappings {
    const to = new Mappings();
    to.#capacity = this.#capacity;
    to.#count = this.#count;
    to.#keepers = this.#keepers.slice();
    to.#free = this.#free.slice();
    to.#freeCount = this.#freeCount;
    for (const name of [...byMapping, ...byOperation]) Object.assign(to, { [name]: this[name].slice() });
    for (const buffer of this.onBus) to.onBus.push(buffer);
    return to;
  }

  #blank(op: number): void {
    this.hi[op] = Number.POSITIVE_INFINITY;
    this.hiEvent[op] = none;
    this.previous[op] = none;
    this.done[op] = 0;
  }

  #next(): number {
    if (this.#count === this.#capacity) this.#grow();
    this.onBus.push(null);
    return this.#count++;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#keepers = longer(this.#keepers);
    this.#free = longer(this.#free);
    for (const name of [...byMapping, ...byOperation]) Object.assign(this, { [name]: longer(this[name]) });
  }
}
