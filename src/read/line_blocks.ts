/** A source as blocks of whole lines in one reused buffer. */
import type { ByteSource } from "./bytes.js";

const blockBytes = 1 << 20;
/** Bytes after a block's last line that may be read, to look at several bytes at once. */
const spareBytes = 32;
/** Bytes of the buffer of `LineBlocks`. */
export const lineBufferBytes = blockBytes + 1 + spareBytes;

/**
 * Lines of a source, a block at a time. Each line of `bytes[from, to)` ends with a newline; the last one of the source
 * is given one when it has none. Memory does not depend on the source's length.
 */
export class LineBlocks {
  readonly bytes: Uint8Array<ArrayBuffer>;
  from = 0;
  to = 0;
  /** True when the source ended without a newline: the last line of this last block may be cut. */
  unended = false;
  /** Bytes of lines left out because they are longer than a block, since this was last set to 0. */
  dropped = 0;
  readonly #source: ByteSource;
  /** Offset in the source of the next byte to read, and the end of what was read into `bytes`. */
  #offset = 0;
  #end = 0;
  #over = false;

  /** @param bytes the buffer, `lineBufferBytes` of them, when it is to be memory of the caller's. */
  constructor(source: ByteSource, bytes = new Uint8Array(lineBufferBytes)) {
    this.#source = source;
    this.bytes = bytes;
  }

  /** Fraction of the source read so far, 0 to 1. */
  get progress(): number {
    return this.#source.size === 0 ? 1 : Math.min(1, this.#offset / this.#source.size);
  }

  /** Let the line at `at` and all after it come again, with what follows, at the beginning of the next block. */
  hold(at: number): void {
    this.to = at;
  }

  /** Fetch the next block. @returns false at the end. What `bytes` held is gone. */
  next(): boolean {
    if (this.#over) return false;
    this.bytes.copyWithin(0, this.to, this.#end);
    this.#end -= this.to;
    this.from = this.to = 0;
    for (;;) {
      const got = this.#source.read(this.#offset, this.bytes.subarray(this.#end, blockBytes));
      const searched = this.#end;
      this.#offset += got;
      this.#end += got;
      if (got === 0) return this.#last();
      const newline = this.bytes.subarray(searched, this.#end).lastIndexOf(10);
      if (newline !== -1) {
        this.to = searched + newline + 1;
        return true;
      }
      if (this.#end < blockBytes) continue;
      if (!this.#skipLine()) return false;
      if (this.to > 0) return true;
    }
  }

  #last(): boolean {
    this.#over = true;
    if (this.#end === 0) return false;
    this.unended = true;
    this.bytes[this.#end] = 10;
    this.to = this.#end + 1;
    return true;
  }

  /** Drop a line that fills the buffer, up to its newline. @returns false when the source ends first. */
  #skipLine(): boolean {
    this.dropped += this.#end;
    for (;;) {
      const got = this.#source.read(this.#offset, this.bytes.subarray(0, blockBytes));
      this.#offset += got;
      if (got === 0) {
        this.#over = true;
        this.#end = 0;
        return false;
      }
      const newline = this.bytes.subarray(0, got).indexOf(10);
      this.dropped += newline === -1 ? got : newline;
      if (newline === -1) continue;
      this.bytes.copyWithin(0, newline + 1, got);
      this.#end = got - newline - 1;
      // Lines that came with the same read are complete already and need not wait for another newline.
      this.to = this.bytes.subarray(0, this.#end).lastIndexOf(10) + 1;
      return true;
    }
  }
}
