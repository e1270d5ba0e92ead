/** A part of a source, for reading forward through small pieces of it. */
import type { ByteSource } from "../bytes.js";
import { within } from "./bytes_at.js";

export class Window {
  readonly #source: ByteSource;
  readonly #bytes: Uint8Array;
  #from = 0;
  #held = 0;

  /** @param capacity bytes read at once; no piece may be longer */
  constructor(source: ByteSource, capacity: number) {
    this.#source = source;
    this.#bytes = new Uint8Array(capacity);
  }

  /** @returns `count` bytes at byte `offset`, valid until the next call; null when the source does not hold them. */
  at(offset: number, count: number): Uint8Array | null {
    if (!within(this.#source, offset, count)) return null;
    const inside = offset - this.#from;
    if (inside >= 0 && inside + count <= this.#held) return this.#bytes.subarray(inside, inside + count);
    this.#from = offset;
    this.#held = this.#source.read(offset, this.#bytes);
    return this.#held < count ? null : this.#bytes.subarray(0, count);
  }
}
