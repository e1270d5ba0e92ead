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
  /** For messages: where in the file the block begins, or the chunk whose data it is a part of, and where within that. */
  readonly where: string;
  readonly within: number;
  /** Take the next block. @returns false when there is none. */
  next(): boolean;
}

/** All blocks held at one time share this many bytes. */
const heldBytes = 16 << 20;
const mostBlockBytes = 1 << 18;
/** trace-cmd packs ten pages in a chunk; its largest sub-buffers make that 640 KiB. */
const mostChunkBytes = 16 << 20;

/** @returns how long the blocks of each of so many feeds are at most: whole pages. */
export function blockBytes(pageBytes: number, feeds: number): number {
  const share = Math.min(mostBlockBytes, heldBytes / feeds);
  return Math.max(1, Math.floor(share / pageBytes)) * pageBytes;
}

/** Pages stored as they are. */
export class StoredPages implements PageFeed {
  readonly #source: ByteSource;
  readonly #data: CpuData;
  readonly #blockBytes: number;
  readonly #room: Uint8Array | null;
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  readonly within = 0;
  taken = 0;

  /**
   * @param most bytes of a block
   * @param room where every block is to be, `most` bytes long; without it, it is wherever that is cheapest.
   */
  constructor(source: ByteSource, data: CpuData, most: number, room: Uint8Array | null) {
    this.#source = source;
    this.#data = data;
    this.#blockBytes = most;
    this.#room = room;
    if (room !== null) this.bytes = room;
  }

  get where(): string {
    return `offset 0x${(this.#data.offset + this.taken - this.length).toString(16)}`;
  }

  next(): boolean {
    const want = Math.min(this.#blockBytes, this.#data.size - this.taken);
    const held = this.#source.bytes;
    if (held !== undefined && this.#room === null) {
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

const none = new Uint8Array(0);

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
  readonly #fileBytes: number;
  /** Where every block is to be; null for each in memory of its own. */
  readonly #room: Uint8Array | null;
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  /** Where chunks are unpacked that cannot be where blocks are to be. */
  #spare = none;
  /** The chunk's data, and where in it the block begins. */
  #chunk: Uint8Array = none;
  within = 0;
  #position = 0;
  #chunkAt = 0;

  /** @param how.room where every block is to be: whole pages. Without it a block is a chunk. */
  constructor(
    source: ByteSource,
    data: CpuData,
    how: {
      decompress: Decompress;
      little: boolean;
      pageBytes: number;
      cpuCount: number;
      warnings: Warnings;
      room: Uint8Array | null;
    },
  ) {
    this.#source = source;
    this.#data = data;
    this.#decompress = how.decompress;
    this.#room = how.room;
    this.#fileBytes = Math.min(data.size + 4, source.size - data.offset);
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
    const shown = this.within + this.length;
    if (shown < this.#chunk.length) return this.#show(shown);
    this.#chunk = none;
    this.length = this.within = 0;
    if (this.#chunksLeft < 0) this.#chunksLeft = this.#read(this.#head.subarray(0, 4)) ? this.#u32(0) : 0;
    while (this.#chunksLeft > 0) {
      this.#chunksLeft--;
      this.#chunkAt = this.#position;
      if (!this.#read(this.#head)) return this.#stop("the size of a chunk", "the end");
      const packed = this.#u32(0);
      const size = this.#u32(4);
      if (size > this.#mostBytes) return this.#stop(`a chunk of at most ${this.#mostBytes} bytes`, `one of ${size}`);
      if (packed > this.#fileBytes - this.#position) return this.#stop(`${packed} bytes of a chunk`, "the end");
      if (this.#packed.length < packed) this.#packed = new Uint8Array(packed);
      const input = this.#packed.subarray(0, packed);
      if (!this.#read(input)) return this.#stop(`${packed} bytes of a chunk`, "the end");
      if (this.#unpack(input, size)) return true;
    }
    return false;
  }

  #unpack(input: Uint8Array, size: number): boolean {
    const room = this.#room;
    const straight = room !== null && size <= room.length;
    if (!straight && this.#spare.length < size) this.#spare = new Uint8Array(size);
    const chunk = (straight ? room : this.#spare).subarray(0, size);
    try {
      this.#decompress(input, chunk);
    } catch {
      this.#warnings.hole(
        this.where,
        `expected ${size} bytes, compressed, found data that does not give them: left out`,
      );
      return false;
    }
    this.#chunk = chunk;
    return this.#show(0);
  }

  /** Make the block of the chunk's data from `within`: all of it, or a part of it where blocks are to be. */
  #show(within: number): boolean {
    const room = this.#room;
    const part = room === null ? this.#chunk : this.#chunk.subarray(within, within + room.length);
    if (room !== null && part.buffer !== room.buffer) room.set(part);
    this.bytes = room ?? part;
    this.within = within;
    this.length = part.length;
    return part.length > 0;
  }

  #stop(expected: string, found: string): false {
    this.#warnings.hole(
      this.where,
      `expected ${expected}, found ${found}: the rest of CPU ${this.#data.cpu} is left out`,
    );
    this.#chunksLeft = 0;
    return false;
  }

  #read(into: Uint8Array): boolean {
    const left = this.#fileBytes - this.#position;
    if (into.length > left || this.#source.read(this.#data.offset + this.#position, into) !== into.length) return false;
    this.#position += into.length;
    return true;
  }

  #u32(at: number): number {
    return this.#headView.getUint32(at, this.#little);
  }
}
