/**
 * The ring-buffer pages of one CPU, a block at a time: read as they are, or decompressed chunk by chunk.
 *
 * Source: trace-cmd.dat.v7(5), COMPRESSION FORMAT OF THE TRACE DATA.
 */
import type { ByteSource } from "../bytes.js";
import type { Warnings } from "../unreadable.js";
import type { Decompress } from "../zstd.js";
import type { CpuData } from "./recording.js";

export interface PageFeed {
  /** The block: the first `length` bytes are pages. Another array for another block, or the same one filled anew. */
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Bytes of the file taken so far. */
  readonly taken: number;
  /** Where in the file, or in the decompressed data, the block begins: for messages. */
  readonly where: string;
  /** Take the next block. @returns false when there is none. */
  next(): boolean;
}

/** All blocks held at one time share this many bytes. */
const heldBytes = 16 << 20;
const mostBlockBytes = 1 << 18;
/** trace-cmd packs ten pages in a chunk; its largest sub-buffers make that 640 KiB. */
const mostChunkBytes = 16 << 20;

/** Pages stored as they are. */
export class StoredPages implements PageFeed {
  readonly #source: ByteSource;
  readonly #data: CpuData;
  readonly #blockBytes: number;
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  taken = 0;

  /** @param cpuCount how many such feeds there are. */
  constructor(source: ByteSource, data: CpuData, pageBytes: number, cpuCount: number) {
    this.#source = source;
    this.#data = data;
    const share = Math.min(mostBlockBytes, heldBytes / cpuCount);
    this.#blockBytes = Math.max(1, Math.floor(share / pageBytes)) * pageBytes;
  }

  get where(): string {
    return `offset 0x${(this.#data.offset + this.taken - this.length).toString(16)}`;
  }

  next(): boolean {
    const want = Math.min(this.#blockBytes, this.#data.size - this.taken);
    const held = this.#source.bytes;
    if (held !== undefined) {
      this.bytes = held.subarray(this.#data.offset + this.taken, this.#data.offset + this.taken + want);
      this.length = this.bytes.length;
      this.taken += this.length;
      return this.length > 0;
    }
    if (this.bytes.length === 0) this.bytes = new Uint8Array(want);
    this.length = want <= 0 ? 0 : this.#source.read(this.#data.offset + this.taken, this.bytes.subarray(0, want));
    this.taken += this.length;
    return this.length > 0;
  }
}

/** Pages in compressed chunks. */
export class ChunkedPages implements PageFeed {
  readonly #source: ByteSource;
  readonly #data: CpuData;
  readonly #decompress: Decompress;
  readonly #warnings: Warnings;
  readonly #mostBytes: number;
  readonly #head = new Uint8Array(8);
  readonly #headView = new DataView(this.#head.buffer);
  readonly #little: boolean;
  #packed = new Uint8Array(0);
  /** -1 until the count is read. */
  #chunksLeft = -1;
  /** Bytes that may be read: trace-cmd 3.1 leaves the count of chunks out of the size it writes, 3.4 does not. */
  readonly #room: number;
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  #position = 0;
  #chunkAt = 0;

  constructor(
    source: ByteSource,
    data: CpuData,
    how: { decompress: Decompress; little: boolean; pageBytes: number; cpuCount: number; warnings: Warnings },
  ) {
    this.#source = source;
    this.#data = data;
    this.#decompress = how.decompress;
    this.#room = Math.min(data.size + 4, source.size - data.offset);
    this.#little = how.little;
    this.#warnings = how.warnings;
    this.#mostBytes = Math.max(10 * how.pageBytes, Math.min(mostChunkBytes, (16 * heldBytes) / how.cpuCount));
  }

  get taken(): number {
    return this.#chunksLeft === 0 && this.length === 0 ? this.#data.size : Math.min(this.#position, this.#data.size);
  }

  get where(): string {
    return `chunk at offset 0x${(this.#data.offset + this.#chunkAt).toString(16)}`;
  }

  /** A damaged chunk is left out; after a damaged size nothing more can be found. */
  next(): boolean {
    this.length = 0;
    if (this.#chunksLeft < 0) this.#chunksLeft = this.#read(this.#head.subarray(0, 4)) ? this.#u32(0) : 0;
    while (this.#chunksLeft > 0) {
      this.#chunksLeft--;
      this.#chunkAt = this.#position;
      if (!this.#read(this.#head)) return this.#stop("the size of a chunk", "the end");
      const packed = this.#u32(0);
      const size = this.#u32(4);
      if (size > this.#mostBytes) return this.#stop(`a chunk of at most ${this.#mostBytes} bytes`, `one of ${size}`);
      if (packed > this.#room - this.#position) return this.#stop(`${packed} bytes of a chunk`, "the end");
      if (this.#packed.length < packed) this.#packed = new Uint8Array(packed);
      const input = this.#packed.subarray(0, packed);
      if (!this.#read(input)) return this.#stop(`${packed} bytes of a chunk`, "the end");
      if (this.#unpack(input, size)) return true;
    }
    return false;
  }

  #unpack(input: Uint8Array, size: number): boolean {
    try {
      this.bytes = this.#decompress(input, size);
      this.length = size;
      return size > 0;
    } catch {
      this.#warnings.add(
        this.where,
        `expected ${size} bytes, compressed, found data that does not give them: left out`,
      );
      return false;
    }
  }

  #stop(expected: string, found: string): false {
    this.#warnings.add(
      this.where,
      `expected ${expected}, found ${found}: the rest of CPU ${this.#data.cpu} is left out`,
    );
    this.#chunksLeft = 0;
    return false;
  }

  #read(into: Uint8Array): boolean {
    const left = this.#room - this.#position;
    if (into.length > left || this.#source.read(this.#data.offset + this.#position, into) !== into.length) return false;
    this.#position += into.length;
    return true;
  }

  #u32(at: number): number {
    return this.#headView.getUint32(at, this.#little);
  }
}
