/**
 * The two ends of a shared ring. What lies in the page belongs to both ends and may change at any moment, so each end
 * keeps its own indexes and takes an entry out of the page once, whole, before it looks at it.
 *
 * Source: Xen include/public/io/ring.h (RING_PUSH_REQUESTS_AND_CHECK_NOTIFY, RING_FINAL_CHECK_FOR_REQUESTS,
 * RING_REQUEST_PROD_OVERFLOW, XEN_RING_NR_UNCONSUMED_REQUESTS, RING_COPY_REQUEST).
 */
import type { ByteMemory } from "../../mem/byte_memory.js";
import { RingIndex, ringEntriesAt, ringPageBytes, ringSize } from "../../spec/xen/ring.js";

/** a - b as the counters run: modulo 2^32. */
const distance = (a: number, b: number): number => (a - b) >>> 0;

/** The page, read and written through one end's own memory. */
class RingPage {
  readonly size: number;
  readonly #memory: ByteMemory;
  readonly #at: number;
  readonly #entryBytes: number;
  readonly #word = new Uint32Array(1);
  readonly #wordBytes = new Uint8Array(this.#word.buffer);

  /** @param at address of the page in `memory` */
  constructor(memory: ByteMemory, at: number, entryBytes: number) {
    this.#memory = memory;
    this.#at = at;
    this.#entryBytes = entryBytes;
    this.size = ringSize(entryBytes);
  }

  index(of: RingIndex): number {
    this.#memory.read(this.#at + of, this.#wordBytes);
    return this.#word[0]!;
  }

  setIndex(of: RingIndex, value: number): void {
    this.#word[0] = value;
    this.#memory.write(this.#at + of, this.#wordBytes);
  }

  take(index: number, into: Uint32Array): void {
    this.#memory.read(this.#entryAt(index), new Uint8Array(into.buffer, into.byteOffset, into.byteLength));
  }

  put(index: number, from: Uint32Array): void {
    this.#memory.write(this.#entryAt(index), new Uint8Array(from.buffer, from.byteOffset, from.byteLength));
  }

  clear(): void {
    this.#memory.write(this.#at, new Uint8Array(ringPageBytes));
    this.setIndex(RingIndex.reqEvent, 1);
    this.setIndex(RingIndex.rspEvent, 1);
  }

  #entryAt(index: number): number {
    return this.#at + ringEntriesAt + (index & (this.size - 1)) * this.#entryBytes;
  }
}

/** The end that asks. */
export class FrontRing {
  readonly #page: RingPage;
  #produced = 0;
  #published = 0;
  #consumed = 0;

  /** Clears the page: the front end owns it and has shown it to nobody yet. */
  constructor(memory: ByteMemory, at: number, entryBytes: number) {
    this.#page = new RingPage(memory, at, entryBytes);
    this.#page.clear();
  }

  get size(): number {
    return this.#page.size;
  }

  /** Requests that may be written now: every one keeps its place until its response was taken. */
  get free(): number {
    return this.#page.size - distance(this.#produced, this.#consumed);
  }

  /** Write one request; the other end sees it when it is published. */
  put(request: Uint32Array): void {
    this.#page.put(this.#produced, request);
    this.#produced = (this.#produced + 1) >>> 0;
  }

  /** Show what was written. @returns whether the other end asked to be told. */
  publish(): boolean {
    const old = this.#published;
    this.#published = this.#produced;
    this.#page.setIndex(RingIndex.reqProd, this.#produced);
    return distance(this.#produced, this.#page.index(RingIndex.reqEvent)) < distance(this.#produced, old);
  }

  /** A response waits that was asked for. */
  get hasResponse(): boolean {
    const waiting = distance(this.#page.index(RingIndex.rspProd), this.#consumed);
    return waiting > 0 && waiting <= distance(this.#produced, this.#consumed);
  }

  /** Take the next response out. @returns false when there is none, or more than were ever asked for. */
  take(into: Uint32Array): boolean {
    if (!this.hasResponse) return false;
    this.#page.take(this.#consumed, into);
    this.#consumed = (this.#consumed + 1) >>> 0;
    return true;
  }

  /** Before sleeping: ask to be told of the next response, then look once more. @returns whether one is there. */
  finalCheck(): boolean {
    if (this.#page.index(RingIndex.rspProd) !== this.#consumed) return true;
    this.#page.setIndex(RingIndex.rspEvent, (this.#consumed + 1) >>> 0);
    return this.#page.index(RingIndex.rspProd) !== this.#consumed;
  }
}

/** Requests that wait, or why the ring cannot be believed. */
export type Waiting = { readonly count: number; readonly bogus: null } | { readonly count: 0; readonly bogus: string };

/**
 * What a back end holds the shown index of requests against.
 *
 * `answered`: there are no more of them than the ring has places beyond the last answer (xen-blkback, make_response and
 * do_block_io_op). `taken`: no more than it has places beyond the last one that was taken, and no more are taken than
 * have a place for their answer (xen-netback, xenvif_tx_build_gops). `nothing`: the index is believed; a front end that
 * lies has stale entries taken, which are its own (xen-netback, xenvif_rx_ring_slots_available).
 */
export type RingRule = "answered" | "taken" | "nothing";

/** The end that answers. */
export class BackRing {
  readonly #page: RingPage;
  readonly #rule: RingRule;
  #consumed = 0;
  #produced = 0;
  #published = 0;

  constructor(memory: ByteMemory, at: number, entryBytes: number, rule: RingRule = "answered") {
    this.#page = new RingPage(memory, at, entryBytes);
    this.#rule = rule;
  }

  /** How many requests wait, or how the other end lies. */
  waiting(): Waiting {
    const shown = this.#page.index(RingIndex.reqProd);
    const { size } = this.#page;
    const count = distance(shown, this.#consumed);
    if (this.#rule === "answered" && distance(shown, this.#produced) > size) {
      const by = `${shown | 0} - ${this.#produced | 0} = ${(shown - this.#produced) | 0}`;
      return { count: 0, bogus: `Frontend provided bogus ring requests (${by})` };
    }
    if (this.#rule !== "taken") return { count, bogus: null };
    if (count > size) {
      const by = `req_prod ${shown | 0}, req_cons ${this.#consumed | 0}, size ${size}`;
      return { count: 0, bogus: `Impossible number of requests. ${by}` };
    }
    return { count: Math.min(count, size - distance(this.#consumed, this.#produced)), bogus: null };
  }

  /** Copy the next request out, once. */
  take(into: Uint32Array): void {
    this.#page.take(this.#consumed, into);
    this.#consumed = (this.#consumed + 1) >>> 0;
  }

  put(response: Uint32Array): void {
    this.#page.put(this.#produced, response);
    this.#produced = (this.#produced + 1) >>> 0;
  }

  /** Show the responses. @returns whether the other end asked to be told. */
  publish(): boolean {
    const old = this.#published;
    this.#published = this.#produced;
    this.#page.setIndex(RingIndex.rspProd, this.#produced);
    return distance(this.#produced, this.#page.index(RingIndex.rspEvent)) < distance(this.#produced, old);
  }

  /** Before sleeping: ask to be told of the next request, then look once more. @returns whether one is there. */
  finalCheck(): boolean {
    if (this.#page.index(RingIndex.reqProd) !== this.#consumed) return true;
    this.#page.setIndex(RingIndex.reqEvent, (this.#consumed + 1) >>> 0);
    return this.#page.index(RingIndex.reqProd) !== this.#consumed;
  }
}
