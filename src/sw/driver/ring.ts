/**
 * The two ends of a shared ring. What lies in the page belongs to both ends and may change at any moment, so each end
 * keeps its own indexes and takes an entry out of the page once, whole, before it looks at it.
 *
 * Source: Xen include/public/io/ring.h (RING_PUSH_REQUESTS_AND_CHECK_NOTIFY, RING_FINAL_CHECK_FOR_REQUESTS,
 * RING_REQUEST_PROD_OVERFLOW, RING_COPY_REQUEST).
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

/** The end that answers. It never trusts an index of the other. */
export class BackRing {
  readonly #page: RingPage;
  #consumed = 0;
  #produced = 0;
  #published = 0;

  constructor(memory: ByteMemory, at: number, entryBytes: number) {
    this.#page = new RingPage(memory, at, entryBytes);
  }

  /** How many requests wait. More than the ring could hold means that the other end lies. */
  waiting(): Waiting {
    const shown = this.#page.index(RingIndex.reqProd);
    if (distance(shown, this.#produced) > this.#page.size) {
      return {
        count: 0,
        bogus: `Frontend provided bogus ring requests (${shown} - ${this.#produced} = ${distance(shown, this.#produced)})`,
      };
    }
    return { count: distance(shown, this.#consumed), bogus: null };
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
