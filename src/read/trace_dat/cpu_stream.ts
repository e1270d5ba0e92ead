/**
 * The records of one CPU's ring buffer, in order, with their times.
 *
 * Source: the text of header_page and header_event in the file, and Linux Documentation/trace/ring-buffer-design.rst;
 * the meaning of the event header's types and of the commit word's flags: Linux include/linux/ring_buffer.h.
 */
import { type EventBatch, EventKind } from "../event.js";
import type { Warnings } from "../unreadable.js";
import type { Clock } from "./clock.js";
import type { Decoder } from "./decoder.js";
import type { PageFeed } from "./page_feed.js";
import type { PageLayout } from "./page_layout.js";
import type { StreamPlace } from "./stream_place.js";

/** Types of an event header; those below are the words of data that follow, 0 a length word of its own. */
const padding = 29;
const timeExtend = 30;
const timeStamp = 31;

/** In the commit word: events were lost before this page; their number follows its data. */
const missedEvents = 0x80000000;
const missedStored = 0x40000000;
const commitMask = 0x07ffffff;

/** `recordBytes` of a loss: it has no record, its number is in `missed`. */
const isLoss = -1;

export class CpuStream {
  readonly cpu: number;
  readonly #feed: PageFeed;
  readonly #layout: PageLayout;
  readonly #little: boolean;
  readonly #clock: Clock;
  readonly #warnings: Warnings;
  /** The feed's block, and what of it is left. */
  view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Uint8Array | null = null;
  #pageAt = 0;
  /** Next event header, and the end of the page's events. */
  #at = 0;
  #end = 0;
  /** High word of the page's time stamp. */
  #pageHigh = 0;
  /** The event that is next: its time in nanoseconds since the clock's first, its record. */
  time = 0;
  recordAt = 0;
  recordBytes = 0;
  /** Events lost before this one, when it is a loss; 0 when not said. */
  missed = 0;
  done = false;
  /** Events lost so far; a loss of unknown number counts as one. */
  lost = 0;

  constructor(
    cpu: number,
    feed: PageFeed,
    how: { layout: PageLayout; little: boolean; clock: Clock; warnings: Warnings },
  ) {
    this.cpu = cpu;
    this.#feed = feed;
    this.#layout = how.layout;
    this.#little = how.little;
    this.#clock = how.clock;
    this.#warnings = how.warnings;
    this.advance();
  }

  get taken(): number {
    return this.#feed.taken;
  }

  /**
   * Put events into a batch that is blank until one is due after `limit`, the batch is full, or there are no more.
   * @param inclusive whether those at the limit itself are taken.
   */
  run(batch: EventBatch, decoder: Decoder, limit: number, inclusive: boolean): void {
    const { capacity } = batch;
    do {
      this.take(batch, decoder);
      this.advance();
    } while (batch.count < capacity && (this.time < limit || (inclusive && this.time === limit)) && !this.done);
  }

  /** Append the event that is next to a batch whose next event is blank. */
  take(batch: EventBatch, decoder: Decoder): void {
    const i = batch.count++;
    batch.time[i] = this.#clock.microseconds(this.time);
    batch.cpu[i] = this.cpu;
    if (this.recordBytes === isLoss) {
      batch.kind[i] = EventKind.lost;
      batch.size[i] = this.missed;
      this.lost += Math.max(1, this.missed);
    } else decoder.decode(batch, i, this.view, this.recordAt, this.recordBytes);
  }

  /** Say where the stream is, so that it can be carried on elsewhere. @param block where the feed's block lies there. */
  lend(place: StreamPlace, block: number): void {
    place.setPages(block + this.#at, block + this.#end, block + this.#pageAt, block + this.#feed.length);
    place.setEvent(this.cpu, this.#pageHigh, this.time, block + this.recordAt, this.recordBytes);
  }

  /** Go on from where it was carried on to. */
  takeBack(place: StreamPlace, block: number): void {
    this.#at = place.at - block;
    this.#end = place.end - block;
    this.#pageAt = place.page - block;
    this.#pageHigh = place.pageHigh;
    this.time = place.time;
    this.recordAt = place.record - block;
    this.recordBytes = place.recordBytes;
  }

  /** Go to the next event, or set `done`. Every round takes at least four bytes, so that it ends. */
  advance(): void {
    const little = this.#little;
    for (;;) {
      const at = this.#at;
      if (at + 4 > this.#end) {
        if (!this.#nextPage()) return;
        if (this.recordBytes === isLoss) return;
        continue;
      }
      const view = this.view;
      const head = view.getUint32(at, little);
      const type = little ? head & 31 : head >>> 27;
      const delta = little ? head >>> 5 : head & 0x07ffffff;
      if (type - 1 < 28 && type !== 0) {
        const next = at + 4 + type * 4;
        if (next > this.#end) {
          this.#damaged(at, `a record of ${type * 4} bytes`);
          continue;
        }
        this.#at = next;
        this.time += delta;
        this.recordAt = at + 4;
        this.recordBytes = type * 4;
        return;
      }
      if (this.#special(at, type, delta)) return;
    }
  }

  /** Headers with a word behind them. @returns true when it is that of a record. */
  #special(at: number, type: number, delta: number): boolean {
    if (type === padding && delta === 0) {
      this.#at = this.#end;
      return false;
    }
    if (at + 8 > this.#end) {
      this.#damaged(at, "an event header without its second word");
      return false;
    }
    const word = this.view.getUint32(at + 4, this.#little);
    if (type === timeExtend) {
      this.time += word * 0x08000000 + delta;
      this.#at = at + 8;
      return false;
    }
    if (type === timeStamp) {
      this.#absolute(word, delta);
      this.#at = at + 8;
      return false;
    }
    // The length counts its own word, not the header before it.
    const next = at + 4 + word;
    if (word < 4 || next > this.#end) {
      this.#damaged(at, `an event of ${word} bytes`);
      return false;
    }
    this.#at = next;
    this.time += delta;
    this.recordAt = at + 8;
    this.recordBytes = word - 4;
    return type === 0;
  }

  /** 59 bits of an absolute time; the five above are those of the page. */
  #absolute(word: number, delta: number): void {
    const low = (((word & 31) << 27) | delta) >>> 0;
    this.time = this.#clock.since(((this.#pageHigh & 0xf8000000) >>> 0) + (word >>> 5), low);
  }

  /**
   * Begin the next page that has events, or a loss before it.
   * @returns false at the end, with `done` set.
   */
  #nextPage(): boolean {
    const { pageBytes, dataAt, commitAt, longBytes } = this.#layout;
    for (;;) {
      if (this.#feed.length - this.#pageAt < dataAt) {
        if (!this.#nextBlock()) return false;
        continue;
      }
      const page = this.#pageAt;
      const room = Math.min(pageBytes, this.#feed.length - page);
      this.#pageAt += room;
      const commit = this.#low(page + commitAt, longBytes);
      const bytes = commit & commitMask;
      if (bytes > room - dataAt) {
        const left = `found ${bytes}: the page is left out`;
        this.#warnings.hole(
          this.#where(page),
          `expected at most ${room - dataAt} bytes of events of CPU ${this.cpu}, ${left}`,
        );
        continue;
      }
      const first = this.view.getUint32(page, this.#little);
      const second = this.view.getUint32(page + 4, this.#little);
      this.#pageHigh = this.#little ? second : first;
      this.time = this.#clock.since(this.#pageHigh, this.#little ? first : second);
      this.#at = page + dataAt;
      this.#end = this.#at + bytes;
      this.recordBytes = 0;
      if ((commit & missedEvents) !== 0) {
        const stored = (commit & missedStored) !== 0 && this.#end + longBytes <= page + room;
        this.missed = stored ? this.#low(this.#end, longBytes) : 0;
        this.recordBytes = isLoss;
      }
      return true;
    }
  }

  #nextBlock(): boolean {
    this.#pageAt = 0;
    if (!this.#feed.next()) {
      this.done = true;
      this.time = Number.POSITIVE_INFINITY;
      this.#at = 0;
      this.#end = 0;
      return false;
    }
    const { bytes } = this.#feed;
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return true;
  }

  /** The low word of a `long`. */
  #low(at: number, longBytes: number): number {
    return this.view.getUint32(longBytes === 8 && !this.#little ? at + 4 : at, this.#little);
  }

  #damaged(at: number, found: string): void {
    const cpu = `CPU ${this.cpu}`;
    this.#warnings.hole(
      this.#where(at),
      `expected an event of ${cpu}, found ${found}: the rest of its page is left out`,
    );
    this.#at = this.#end;
  }

  #where(at: number): string {
    return `${this.#feed.where} + 0x${(this.#feed.within + at).toString(16)}`;
  }
}
