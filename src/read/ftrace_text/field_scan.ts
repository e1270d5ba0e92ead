/** Values of `key=value` fields, scanned from bytes. A newline ends every scan. */
import { failedAddress } from "../event.js";
import { attributes, numberOf, step } from "./words.js";

/** Value of each byte as a hexadecimal digit, -1 for others. */
const digitOf = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  digitOf["0123456789abcdef".charCodeAt(i)] = i;
  digitOf["0123456789ABCDEF".charCodeAt(i)] = i;
}

/** A cursor over bytes. A scan that finds no value sets `bad` and leaves the cursor where it stopped. */
export class FieldScan {
  at = 0;
  bad = false;
  /** True when the last `hex` began with 0x. */
  prefixed = false;
  closed = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @returns a hexadecimal number of up to 64 bits, with or without 0x; all ones is `failedAddress`. */
  hex(): number {
    const bytes = this.#bytes;
    let at = this.at;
    this.prefixed = bytes[at] === 48 && (bytes[at + 1]! | 32) === 120;
    if (this.prefixed) at += 2;
    const from = at;
    let low = 0;
    let digit = digitOf[bytes[at]!]!;
    while (digit >= 0 && at - from < 8) {
      low = (low << 4) | digit;
      digit = digitOf[bytes[++at]!]!;
    }
    let value = low >>> 0;
    const more = at;
    if (digit >= 0) {
      let rest = 0;
      while (digit >= 0 && at - more < 8) {
        rest = (rest << 4) | digit;
        digit = digitOf[bytes[++at]!]!;
      }
      value = value * 2 ** (4 * (at - more)) + (rest >>> 0);
      if ((low & rest) === -1) value = failedAddress;
    }
    if (at === from || digit >= 0) this.bad = true;
    this.at = at;
    return value;
  }

  /** @returns a whole number below 10^15; for one that is negative, `bad`. */
  decimal(): number {
    const bytes = this.#bytes;
    const from = this.at;
    let at = from;
    let value = 0;
    let c = bytes[at]!;
    while (c >= 48 && c <= 57) {
      value = value * 10 + c - 48;
      c = bytes[++at]!;
    }
    if (at === from || at - from > 15) this.bad = true;
    this.at = at;
    return value;
  }

  /** @returns the hash of the bytes up to a blank, `|` or a newline. */
  word(): number {
    const bytes = this.#bytes;
    let at = this.at;
    let hash = 0;
    let c = bytes[at]!;
    while (c > 32 && c !== 124) {
      hash = step(hash, c);
      c = bytes[++at]!;
    }
    this.at = at;
    return hash;
  }

  /**
   * @returns the bits of attribute names and hexadecimal remainders joined by `|`; 0 when there are none. `closed` tells
   *   that the last one is a name, which no cut can have shortened unseen.
   */
  attributes(): number {
    const bytes = this.#bytes;
    let attrs = 0;
    this.closed = true;
    while (bytes[this.at]! > 32) {
      const c = bytes[this.at]!;
      this.closed = c < 48 || c > 57;
      if (this.closed) {
        const bit = numberOf(attributes, this.word());
        if (bit === -1) this.bad = true;
        else attrs |= 1 << bit;
      } else attrs |= this.hex();
      if (bytes[this.at] !== 124) break;
      this.at++;
    }
    return attrs;
  }

  /** Skip to the next blank or newline. */
  skip(): void {
    const bytes = this.#bytes;
    let at = this.at;
    while (bytes[at]! > 32) at++;
    this.at = at;
  }

  /** Step over `text` when it comes next. @returns whether it did. */
  take(text: Uint8Array): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) if (bytes[this.at + i] !== text[i]) return false;
    this.at += text.length;
    return true;
  }

  /** @returns `count` bytes printed as `00, 29, 7f` as one little-endian number; all ones of 8 is `failedAddress`. */
  byteArrayElement(count: number): number {
    const bytes = this.#bytes;
    let value = 0;
    let ones = 0;
    for (let i = 0, weight = 1; i < count; i++, weight *= 256) {
      if (i > 0) this.separator();
      const high = digitOf[bytes[this.at]!]!;
      const low = high < 0 ? -1 : digitOf[bytes[this.at + 1]!]!;
      if (low < 0) {
        this.bad = true;
        return 0;
      }
      this.at += 2;
      const byte = high * 16 + low;
      if (byte === 255) ones++;
      value += byte * weight;
    }
    return ones === 8 ? failedAddress : value;
  }

  separator(): void {
    const bytes = this.#bytes;
    if (bytes[this.at] === 44 && bytes[this.at + 1] === 32) this.at += 2;
    else this.bad = true;
  }
}
