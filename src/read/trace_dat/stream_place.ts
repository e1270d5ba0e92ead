/** Where a stream is, as words in memory that it shares with wasm/ring_records.ts: `Stream` of wasm/ring/stream.ts. */
export class StreamPlace {
  static readonly bytes = 64;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;

  /** @param at of the words in the memory, a multiple of 8. */
  constructor(memory: ArrayBuffer, at: number) {
    this.#words = new Uint32Array(memory, at, StreamPlace.bytes / 4);
    this.#doubles = new Float64Array(memory, at, StreamPlace.bytes / 8);
  }

  /** Next event header, the end of the page's events, the next page, and the end of the block: addresses in the memory. */
  get at(): number {
    return this.#words[0]!;
  }

  get end(): number {
    return this.#words[1]!;
  }

  get page(): number {
    return this.#words[2]!;
  }

  setPages(at: number, end: number, page: number, blockEnd: number): void {
    this.#words.set([at, end, page, blockEnd]);
  }

  /** High word of the page's time stamp. */
  get pageHigh(): number {
    return this.#words[5]!;
  }

  /** Of the event that is next, in nanoseconds since the clock's first time stamp. */
  get time(): number {
    return this.#doubles[3]!;
  }

  /** Address of its record. */
  get record(): number {
    return this.#words[8]!;
  }

  get recordBytes(): number {
    return this.#words[9]! | 0;
  }

  setEvent(cpu: number, pageHigh: number, time: number, record: number, recordBytes: number): void {
    this.#words[4] = cpu;
    this.#words[5] = pageHigh;
    this.#doubles[3] = time;
    this.#words[8] = record;
    this.#words[9] = recordBytes;
  }
}
