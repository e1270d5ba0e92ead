/**
 * Protocol Buffers wire format, the little of it that a trace needs, into one growing buffer.
 *
 * Source: Protocol Buffers documentation, "Encoding": a field begins with its number << 3 | wire type; type 0 is a
 * varint, type 1 eight bytes, type 2 a length and so many bytes.
 */
const varintType = 0;
const doubleType = 1;
const bytesType = 2;

const encoder = new TextEncoder();

export class WireWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  get used(): number {
    return this.#used;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#used);
  }

  clear(): void {
    this.#used = 0;
  }

  /** A whole number below 2^53, or a negative one above -2^53 (which takes ten bytes, as int64 does). */
  varint(field: number, value: number): void {
    this.#room(20);
    this.#raw((field << 3) | varintType);
    if (value < 0) this.#negative(value);
    else this.#raw(value);
  }

  double(field: number, value: number): void {
    this.#room(18);
    this.#raw((field << 3) | doubleType);
    this.#view.setFloat64(this.#used, value, true);
    this.#used += 8;
  }

  text(field: number, text: string): void {
    this.bytes(field, encoder.encode(text));
  }

  /** A string, bytes, or a message that another writer holds. */
  bytes(field: number, bytes: Uint8Array): void {
    this.#head(field, bytes.length);
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  message(field: number, from: WireWriter): void {
    this.#head(field, from.#used);
    this.#bytes.set(from.#bytes.subarray(0, from.#used), this.#used);
    this.#used += from.#used;
  }

  #head(field: number, length: number): void {
    this.#room(20 + length);
    this.#raw((field << 3) | bytesType);
    this.#raw(length);
  }

  /** Seven bits at a time, the lowest first; division, since the value may be wider than 32 bits. */
  #raw(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#used++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#used++] = rest;
  }

  /** Two's complement of 64 bits: the bits of -value - 1, inverted. */
  #negative(value: number): void {
    let rest = -value - 1;
    for (let i = 0; i < 9; i++) {
      this.#bytes[this.#used++] = (127 - (rest % 128)) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#used++] = 1;
  }

  #room(count: number): void {
    if (this.#used + count <= this.#bytes.length) return;
    const more = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + count));
    more.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = more;
    this.#view = new DataView(more.buffer);
  }
}
