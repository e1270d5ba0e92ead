/** kdump-compressed images: pages are found by a bitmap and its ranks, and unpacked when they are asked for. */
import type { Mfn } from "../../base/frame.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable, type Warning, type Warnings } from "../unreadable.js";
import { hex, u64 } from "./bytes_at.js";
import { FrameCache } from "./frame_cache.js";
import type { FrameRun, Image } from "./image.js";
import { type KdumpHeader, readKdumpHeader } from "./kdump_header.js";
import { PageBitmap } from "./page_bitmap.js";
import { RunList } from "./run_list.js";
import { type Unpackers, unpackPage } from "./unpack/page.js";
import { Window } from "./window.js";
import { isZero } from "./zeros.js";

const frameBytes = 4096;
/** A page descriptor: offset (8), size (4), flags (4), page flags (8). */
const descriptorBytes = 24;
const ahead = 2 ** 20;

export class KdumpImage implements Image {
  readonly format = "kdump";
  readonly machine: string | null;
  readonly runs: readonly FrameRun[];
  readonly #source: ByteSource;
  readonly #header: KdumpHeader;
  readonly #pages: PageBitmap;
  readonly #framesPerPage: number;
  readonly #cache: FrameCache;
  readonly #warnings: Warnings;
  readonly #unpackers: Unpackers;
  readonly #descriptors: Window;
  readonly #data: Window;
  /** Where the page of zeros stands that all such pages share, once it was met. */
  #zerosAt = -1;
  readonly #zeros = new Uint32Array(frameBytes / 4);
  #lastPage = -1;
  #lastBytes = new Uint8Array(0);
  readonly #warned = new Set<number>();

  /** @throws Unreadable for headers that make no sense, or a file that ends before the first page descriptor. */
  constructor(source: ByteSource, warnings: Warnings, o: { cacheBytes: number; unpackers: Unpackers }) {
    const header = readKdumpHeader(source, warnings);
    if (header.descriptorsAt > source.size) {
      const where = `offset ${hex(source.size)}`;
      throw new Unreadable(source.name, where, `bitmaps up to ${hex(header.descriptorsAt)}`, "the end of the file");
    }
    this.#source = source;
    this.#header = header;
    this.#warnings = warnings;
    this.#unpackers = o.unpackers;
    this.machine = header.machine;
    this.#framesPerPage = header.blockSize / frameBytes;
    this.#pages = new PageBitmap(source, header.bitmapAt, { first: header.firstPage, end: header.endPage });
    this.#descriptors = new Window(source, descriptorBytes);
    this.#data = new Window(source, header.blockSize);
    this.#cache = new FrameCache(o.cacheBytes, (m) => this.#load(m));
    this.runs = this.#runs();
    const end = header.descriptorsAt + this.#pages.count * descriptorBytes;
    if (end > source.size) {
      const found = "the end of the file";
      warnings.add(`offset ${hex(source.size)}`, `expected page descriptors up to ${hex(end)}, found ${found}`);
    }
  }

  get warnings(): readonly Warning[] {
    return this.#warnings.list;
  }

  frame(m: Mfn): Uint32Array | undefined {
    return this.#cache.get(m);
  }

  each(visit: (m: Mfn, words: Uint32Array) => void, progress?: (share: number) => void): void {
    const { blockSize, descriptorsAt } = this.#header;
    const descriptors = new Window(this.#source, ahead - (ahead % descriptorBytes));
    const data = new Window(this.#source, ahead);
    const bytes = new Uint8Array(blockSize);
    const views = Array.from(
      { length: this.#framesPerPage },
      (_, i) => new Uint32Array(bytes.buffer, i * frameBytes, frameBytes / 4),
    );
    const total = this.#pages.count;
    this.#pages.each((page, index) => {
      if (index % 1024 === 0) progress?.(index / total);
      const descriptor = descriptors.at(descriptorsAt + index * descriptorBytes, descriptorBytes);
      if (descriptor === null) return false;
      if (!this.#unpack(page, viewOf(descriptor), data, bytes)) return true;
      for (let i = 0; i < views.length; i++) {
        const words = views[i]!;
        if (!isZero(words)) visit((page * this.#framesPerPage + i) as Mfn, words);
      }
      return true;
    });
    progress?.(1);
  }

  #load(m: Mfn): Uint32Array | undefined {
    const page = Math.floor(m / this.#framesPerPage);
    if (page !== this.#lastPage) {
      if (!Number.isSafeInteger(m) || m < 0 || !this.#pages.has(page)) return undefined;
      const at = this.#header.descriptorsAt + this.#pages.rank(page) * descriptorBytes;
      const descriptor = this.#descriptors.at(at, descriptorBytes);
      if (descriptor === null) return this.#leaveOut(page, "a page descriptor", "the end of the file");
      const view = viewOf(descriptor);
      if (u64(view, 0) === this.#zerosAt) return this.#zeros;
      const bytes = new Uint8Array(this.#header.blockSize);
      if (!this.#unpack(page, view, this.#data, bytes)) return u64(view, 0) === this.#zerosAt ? this.#zeros : undefined;
      this.#lastPage = page;
      this.#lastBytes = bytes;
    }
    return new Uint32Array(this.#lastBytes.buffer, (m % this.#framesPerPage) * frameBytes, frameBytes / 4);
  }

  /** @returns whether `into` holds the page: not when it is all zeros, shared with others and known, or damaged. */
  #unpack(page: number, descriptor: DataView, data: Window, into: Uint8Array): boolean {
    const offset = u64(descriptor, 0);
    const size = descriptor.getUint32(8, true);
    if (offset === this.#zerosAt) return false;
    if (offset === 0) return this.#leaveOut(page, "a page", "a descriptor that points nowhere") ?? false;
    if (size === 0 || size > this.#header.blockSize) {
      return this.#leaveOut(page, `1 to ${this.#header.blockSize} bytes`, `${size}`) ?? false;
    }
    const from = data.at(offset, size);
    if (from === null) return this.#leaveOut(page, `${size} bytes at ${hex(offset)}`, "the end of the file") ?? false;
    const found = unpackPage(descriptor.getUint32(12, true), from, into, this.#unpackers);
    if (found !== null) return this.#leaveOut(page, `${this.#header.blockSize} bytes packed`, found) ?? false;
    if (isZero(new Uint32Array(into.buffer))) {
      this.#zerosAt = offset;
      return false;
    }
    return true;
  }

  #leaveOut(page: number, expected: string, found: string): undefined {
    if (this.#warned.has(page) || this.#warned.size > 1000) return;
    this.#warned.add(page);
    const address = hex(page * this.#header.blockSize);
    this.#warnings.add(`address ${address}`, `expected ${expected}, found ${found}; the page is left out`);
  }

  #runs(): readonly FrameRun[] {
    const list = new RunList();
    this.#pages.eachRun((first, count) => list.add(first * this.#framesPerPage, count * this.#framesPerPage));
    if (list.slack > 0) {
      const found = `more; neighbours at most ${list.slack} frames apart are told as one`;
      this.#warnings.add("", `expected at most ${list.list.length} runs of pages, found ${found}`);
    }
    return list.list;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
