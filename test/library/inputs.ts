/** One input in each form in which the functions take it. */
import { gzipSync } from "node:zlib";
import type { ByteSource, Input } from "../../src/index.js";
import { zstdFrame } from "../read/zstd_frame.js";

/** A source whose bytes are not in memory as far as a reader can see. */
export class Elsewhere implements ByteSource {
  readonly name = "elsewhere";
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(offset: number, into: Uint8Array): number {
    const part = this.#bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }
}

export function forms(bytes: Uint8Array): readonly (readonly [string, Input])[] {
  const own = Uint8Array.from(bytes);
  const within = new Uint8Array(bytes.length + 20);
  within.set(bytes, 7);
  return [
    ["Uint8Array", own],
    ["a part of one", within.subarray(7, 7 + bytes.length)],
    ["Buffer", Buffer.from(bytes)],
    ["ArrayBuffer", own.buffer],
    ["DataView", new DataView(own.buffer) as unknown as Input],
    ["Blob", new Blob([own.subarray(0, 1000), own.subarray(1000)])],
    ["ByteSource", new Elsewhere(own)],
    [".gz", gzipSync(own)],
    [".gz Blob", new Blob([gzipSync(own)])],
    [".zst", zstdFrame(own)],
    [".zst ByteSource", new Elsewhere(zstdFrame(own))],
  ];
}
