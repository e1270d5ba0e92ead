/** Reads numbers and strings in order from a part of the input, and refuses to leave it. */

import { hex } from "../../base/hex.js";
import { latin1 } from "../../base/text_bytes.js";
import { u64At } from "../../base/u64.js";
import { type ByteSource, memorySource } from "../bytes.js";
import { Unreadable } from "../unreadable.js";

const windowBytes = 65536;

export class Cursor {
  readonly #source: ByteSource;
  /** Put before offsets in messages, for parts that were decompressed: "event formats, ". */
  readonly #part: string;
  readonly end: number;
  readonly little: boolean;
  #at: number;
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  #windowAt = 0;

  constructor(source: ByteSource, little: boolean, at = 0, end = source.size, part = "") {
    this.#source = source;
    this.little = little;
    this.#at = at;
    this.end = Math.min(end, source.size);
    this.#part = part;
  }

  /** A cursor over bytes already in memory, for a part named `part` of the file `name`. */
  static over(name: string, part: string, bytes: Uint8Array, little: boolean): Cursor {
    return new Cursor(memorySource(name, bytes), little, 0, bytes.length, `${part}, `);
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.end - this.#at;
  }

  u8(): number {
    const at = this.#take(1);
    return this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at, this.little);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, this.little);
  }

  /** Exact below 2^53; larger ones are only ever found too large. */
  u64(): number {
    const at = this.#take(8);
    return u64At(this.#view, at, this.little);
  }

  skip(bytes: number): void {
    if (!(bytes <= this.left)) this.short(`${bytes} bytes`);
    this.#at += bytes;
  }

  /** @returns a copy of the next bytes. `what` names them when they are missing. */
  bytes(count: number, what: string): Uint8Array {
    if (!(count <= this.left)) this.short(`${count} bytes of ${what}`);
    const held = this.#at - this.#windowAt;
    if (held >= 0 && held + count <= this.#window.length) {
      this.#at += count;
      return this.#window.slice(held, held + count);
    }
    const out = new Uint8Array(count);
    if (this.#source.read(this.#at, out) !== count) this.short(`${count} bytes of ${what}`);
    this.#at += count;
    return out;
  }

  /** Formats and command names are ASCII in practice, and nothing is lost if not. */
  text(count: number, what: string): string {
    if (count > windowBytes) return latin1(this.bytes(count, what));
    if (!(count <= this.left)) this.short(`${count} bytes of ${what}`);
    const at = this.#take(count);
    return latin1(this.#window.subarray(at, at + count));
  }

  /** A string that a zero byte ends, of at most `max` bytes. */
  string(max: number, what: string): string {
    const out: number[] = [];
    for (;;) {
      const c = this.u8();
      if (c === 0) return String.fromCharCode(...out);
      if (out.push(c) > max) throw this.wrong(`${what} of at most ${max} bytes`, "a longer one");
    }
  }

  /** What to throw when the bytes just read say something that cannot be. */
  wrong(expected: string, found: string): Unreadable {
    return new Unreadable(this.#source.name, this.where(), expected, found);
  }

  where(at = this.#at): string {
    return `${this.#part}offset ${hex(at)}`;
  }

  /** @returns where in the window the next `count` bytes are, having passed them. */
  #take(count: number): number {
    if (count > this.left) this.short(`${count} bytes`);
    let at = this.#at - this.#windowAt;
    if (at < 0 || at + count > this.#window.length) {
      const bytes = new Uint8Array(Math.min(windowBytes, this.left));
      const got = this.#source.read(this.#at, bytes);
      if (got < count) this.short(`${count} bytes`);
      this.#window = bytes.subarray(0, got);
      this.#view = new DataView(bytes.buffer, 0, got);
      this.#windowAt = this.#at;
      at = 0;
    }
    this.#at += count;
    return at;
  }

  /** @throws Unreadable: the part ends before what is expected of it, and with it perhaps the file. */
  short(expected: string): never {
    const ofFile = this.#part === "" && this.end === this.#source.size;
    const end = ofFile ? `the end of the file at ${hex(this.end)}: it is cut off or damaged` : "the end";
    throw this.wrong(expected, this.left > 0 ? `${this.left} bytes and ${end}` : end);
  }
}
