/** kdump-compressed images: pages are found by a bitmap and its ranks, and unpacked when they are asked for. */

import { frameBytes, type Mfn } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { u64At } from "../../base/u64.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable, type Warning, type Warnings } from "../unreadable.js";
import { type Block, blockFrames, visitFrames } from "./block.js";
import { FrameCache } from "./frame_cache.js";
import type { FrameRun, Image } from "./image.js";
import { type KdumpHeader, readKdumpHeader } from "./kdump_header.js";
import { PageBitmap } from "./page_bitmap.js";
import { RunList } from "./run_list.js";
import { type Unpackers, unpackPage } from "./unpack/page.js";
import { Window } from "./window.js";
import { isZero } from "./zeros.js";

const pageBytes = frameBytes;
/** A page descriptor: offset (8), size (4), flags (4), page flags (8). */
const descriptorBytes = 24;
const ahead = 2 ** 20;

type Unpacked = "held" | "zeros" | "damaged";

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
  readonly #pagesPerBlock: number;
  /** What `readBlock` reads through, once it is called. */
  #ahead: { readonly descriptors: Window; readonly data: Window } | null = null;
  /** Where the page of zeros stands that all such pages share, once it was met. */
  #zerosAt = -1;
  readonly #zeros = new Uint32Array(pageBytes / 4);
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
    this.#framesPerPage = header.blockSize / pageBytes;
    this.#pagesPerBlock = blockFrames / this.#framesPerPage;
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

  get blockCount(): number {
    return Math.ceil(this.#pages.count / this.#pagesPerBlock);
  }

  readBlock(n: number, into: Block, quietly = false): boolean {
    const { blockSize, descriptorsAt } = this.#header;
    const { descriptors, data } = (this.#ahead ??= {
      descriptors: new Window(this.#source, ahead - (ahead % descriptorBytes)),
      data: new Window(this.#source, ahead),
    });
    const from = n * this.#pagesPerBlock;
    const end = from + this.#pagesPerBlock;
    let isWhole = true;
    into.count = 0;
    this.#pages.each((page, index) => {
      if (index === end) return false;
      const descriptor = descriptors.at(descriptorsAt + index * descriptorBytes, descriptorBytes);
      if (descriptor === null) {
        // The file ended before, which was said when it was opened.
        isWhole = false;
        return false;
      }
      const at = into.count * pageBytes;
      const found = this.#unpack(page, viewOf(descriptor), data, into.bytes.subarray(at, at + blockSize), quietly);
      if (found === "damaged") isWhole = false;
      if (found !== "held") return true;
      for (let i = 0; i < this.#framesPerPage; i++) into.frames[into.count++] = page * this.#framesPerPage + i;
      return true;
    }, from);
    return isWhole;
  }

  each(visit: (m: Mfn, words: Uint32Array) => void, progress?: (share: number) => void): void {
    visitFrames(this, visit, progress);
  }

  #load(m: Mfn): Uint32Array | undefined {
    const page = Math.floor(m / this.#framesPerPage);
    if (page !== this.#lastPage) {
      if (!Number.isSafeInteger(m) || m < 0 || !this.#pages.has(page)) return undefined;
      const at = this.#header.descriptorsAt + this.#pages.rank(page) * descriptorBytes;
      const descriptor = this.#descriptors.at(at, descriptorBytes);
      if (descriptor === null) return this.#leaveOut(page, "a page descriptor", "the end of the file");
      const view = viewOf(descriptor);
      if (u64At(view, 0) === this.#zerosAt) return this.#zeros;
      const bytes = new Uint8Array(this.#header.blockSize);
      const found = this.#unpack(page, view, this.#data, bytes, false);
      if (found !== "held") return found === "zeros" ? this.#zeros : undefined;
      this.#lastPage = page;
      this.#lastBytes = bytes;
    }
    return new Uint32Array(this.#lastBytes.buffer, (m % this.#framesPerPage) * pageBytes, pageBytes / 4);
  }

  /** What `into` holds then. `zeros`: the page is one of those that are all zeros and share their bytes in the file. */
  #unpack(page: number, descriptor: DataView, data: Window, into: Uint8Array, quietly: boolean): Unpacked {
    const offset = u64At(descriptor, 0);
    const size = descriptor.getUint32(8, true);
    if (offset === this.#zerosAt) return "zeros";
    const damaged = (expected: string, found: string): Unpacked => {
      if (!quietly) this.#leaveOut(page, expected, found);
      return "damaged";
    };
    if (offset === 0) return damaged("a page", "a descriptor that points nowhere");
    if (size === 0 || size > this.#header.blockSize) return damaged(`1 to ${this.#header.blockSize} bytes`, `${size}`);
    const from = data.at(offset, size);
    if (from === null) return damaged(`${size} bytes at ${hex(offset)}`, "the end of the file");
    const wrong = unpackPage(descriptor.getUint32(12, true), from, into, this.#unpackers);
    if (wrong !== null) return damaged(`${this.#header.blockSize} bytes packed`, wrong);
    if (!isZero(new Uint32Array(into.buffer, into.byteOffset, into.length / 4))) return "held";
    this.#zerosAt = offset;
    return "zeros";
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
