/**
 * Ring-buffer pages taken apart and made again in another shape, slowly and with exact integers, to hold the reader
 * against. Source of the layout: header_page and header_event texts, Linux include/linux/ring_buffer.h.
 */

/** A record with its absolute time in nanoseconds; or a loss before the next one. */
export interface RingEvent {
  time: bigint;
  record: Uint8Array;
  /** Set for a loss: how many, 0 when the page does not say. */
  lost?: number;
}

export interface RingShape {
  little: boolean;
  /** Bytes of `long`, and so of the commit word. */
  longBytes: 4 | 8;
  pageBytes: number;
}

export const asRecorded: RingShape = { little: true, longBytes: 8, pageBytes: 4096 };

/** Take little-endian pages of 64-bit kernels apart. */
export function ringEvents(pages: Uint8Array, pageBytes = 4096): RingEvent[] {
  const view = new DataView(pages.buffer, pages.byteOffset, pages.byteLength);
  const events: RingEvent[] = [];
  for (let page = 0; page + 16 <= pages.length; page += pageBytes) {
    let time = view.getBigUint64(page, true);
    const commit = view.getUint32(page + 8, true);
    const end = page + 16 + (commit & 0x7ffffff);
    if (commit >= 0x80000000) events.push({ time, record: new Uint8Array(0), lost: view.getUint32(end, true) });
    for (let at = page + 16; at + 4 <= end; ) {
      const head = view.getUint32(at, true);
      const type = head & 31;
      const word = at + 8 <= end ? view.getUint32(at + 4, true) : 0;
      if (type === 29 && head >>> 5 === 0) break;
      if (type === 31) time = BigInt(word) * 2n ** 27n + BigInt(head >>> 5);
      else time += BigInt(head >>> 5) + (type === 30 ? BigInt(word) * 2n ** 27n : 0n);
      const data = type === 0 ? at + 8 : at + 4;
      const next = type === 0 || type === 29 ? at + 4 + word : type >= 30 ? at + 8 : data + type * 4;
      if (type <= 28) events.push({ time, record: pages.slice(data, next) });
      at = next;
    }
  }
  return events;
}

/** How a page is made: each choice is one the kernel makes too. */
export interface RingChoices {
  /** Write absolute times where a delta does not fit, not extended deltas. */
  absolute?: boolean;
  /** Give every record its length in a word of its own. */
  lengthWords?: boolean;
  /** Put a discarded event of this many bytes before each record. */
  discarded?: number;
}

/** @returns pages of the shape with the events; records must already be in its byte order. */
export function ringPages(events: readonly RingEvent[], shape: RingShape, choices: RingChoices = {}): Uint8Array {
  const pages: Uint8Array[] = [];
  let page: PageWriter | null = null;
  for (const e of events) {
    if (page === null || e.lost !== undefined || !page.fits(e, choices)) {
      if (page !== null) pages.push(page.finish());
      page = new PageWriter(e.time, shape, e.lost);
    }
    if (e.lost === undefined) page.add(e, choices);
  }
  if (page !== null) pages.push(page.finish());
  const all = new Uint8Array(pages.length * shape.pageBytes);
  pages.forEach((p, i) => {
    all.set(p, i * shape.pageBytes);
  });
  return all;
}

class PageWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #shape: RingShape;
  readonly #dataAt: number;
  readonly #lost: number | undefined;
  #at: number;
  #time: bigint;

  constructor(time: bigint, shape: RingShape, lost: number | undefined) {
    this.#bytes = new Uint8Array(shape.pageBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#shape = shape;
    this.#dataAt = 8 + shape.longBytes;
    this.#at = this.#dataAt;
    this.#time = time;
    this.#lost = lost;
    this.#view.setBigUint64(0, time, shape.little);
  }

  fits(e: RingEvent, { discarded = 0 }: RingChoices): boolean {
    return this.#at + 16 + discarded + e.record.length + 8 <= this.#bytes.length - this.#shape.longBytes;
  }

  add({ time, record }: RingEvent, { absolute = false, lengthWords = false, discarded = 0 }: RingChoices): void {
    if (discarded > 0) {
      this.#head(29, 1n, discarded - 4);
      this.#at += discarded - 8;
      this.#time += 1n;
    }
    let delta = time - this.#time;
    if (delta < 0n || delta >= 2n ** 27n) {
      if (absolute || delta < 0n) this.#head(31, time % 2n ** 27n, Number((time >> 27n) % 2n ** 32n));
      else this.#head(30, delta % 2n ** 27n, Number(delta >> 27n));
      delta = 0n;
    }
    if (lengthWords || record.length > 112) this.#head(0, delta, record.length + 4);
    else this.#head(record.length / 4, delta);
    this.#bytes.set(record, this.#at);
    this.#at += record.length;
    this.#time = time;
  }

  #head(type: number, delta: bigint, word?: number): void {
    const { little } = this.#shape;
    const head = little ? type + Number(delta) * 32 : type * 2 ** 27 + Number(delta);
    this.#view.setUint32(this.#at, head, little);
    this.#at += 4;
    if (word === undefined) return;
    this.#view.setUint32(this.#at, word, little);
    this.#at += 4;
  }

  finish(): Uint8Array {
    const { little, longBytes } = this.#shape;
    let flags = 0;
    if (this.#lost !== undefined) flags = this.#lost > 0 ? 0xc0000000 : 0x80000000;
    this.#long(8, this.#at - this.#dataAt + flags, little, longBytes);
    if (this.#lost !== undefined && this.#lost > 0) this.#long(this.#at, this.#lost, little, longBytes);
    return this.#bytes;
  }

  #long(at: number, value: number, little: boolean, longBytes: 4 | 8): void {
    if (longBytes === 8) this.#view.setBigUint64(at, BigInt(value), little);
    else this.#view.setUint32(at, value, little);
  }
}
