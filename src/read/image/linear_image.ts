/** Images that hold memory as it is: ELF cores, LiME, raw files. */

import { frameBytes, type Mfn } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { ByteSource } from "../bytes.js";
import type { Warning, Warnings } from "../unreadable.js";
import { type Block, blockFrames, visitFrames } from "./block.js";
import { FrameCache } from "./frame_cache.js";
import { FrameTable, lastNotAbove } from "./frame_table.js";
import type { FrameRun, Image, ImageFormat } from "./image.js";
import { heldPieces, type Piece } from "./piece.js";

const pageBytes = frameBytes;

/** What a format's reader found. */
export interface LinearParts {
  readonly format: ImageFormat;
  readonly machine: string | null;
  /** In the order of the file: of several pieces that claim a byte the first is taken. */
  readonly pieces: readonly Piece[];
}

export class LinearImage implements Image {
  readonly format: ImageFormat;
  readonly machine: string | null;
  readonly #source: ByteSource;
  readonly #table: FrameTable;
  readonly #cache: FrameCache;
  readonly #warnings: Warnings;
  readonly #shortAt = new Set<number>();

  constructor(source: ByteSource, parts: LinearParts, warnings: Warnings, cacheBytes: number) {
    this.format = parts.format;
    this.machine = parts.machine;
    this.#source = source;
    this.#warnings = warnings;
    this.#table = new FrameTable(heldPieces(parts.pieces, source, warnings), warnings);
    this.#cache = new FrameCache(cacheBytes, (m) => this.#load(m));
  }

  get runs(): readonly FrameRun[] {
    return this.#table.runs;
  }

  get warnings(): readonly Warning[] {
    return this.#warnings.list;
  }

  frame(m: Mfn): Uint32Array | undefined {
    return this.#cache.get(m);
  }

  get blockCount(): number {
    return Math.ceil(this.#table.total / blockFrames);
  }

  readBlock(n: number, into: Block, quietly = false): boolean {
    const t = this.#table;
    let at = n * blockFrames;
    const end = Math.min(at + blockFrames, t.total);
    let i = lastNotAbove(t.before, at);
    let isWhole = true;
    into.count = 0;
    while (at < end) {
      const within = i < 0 ? Number.POSITIVE_INFINITY : at - t.before[i]!;
      if (within < t.frameCount[i]!) {
        const count = Math.min(end - at, t.frameCount[i]! - within);
        if (!this.#readRun(into, i, within, count, quietly)) isWhole = false;
        at += count;
      } else {
        const m = t.partialFrames[t.partialAt(i, at)]! as Mfn;
        if (!put(into, m, this.#load(m, quietly))) isWhole = false;
        at++;
      }
      if (at === t.before[i + 1]) i++;
    }
    return isWhole;
  }

  each(visit: (m: Mfn, words: Uint32Array) => void, progress?: (share: number) => void): void {
    visitFrames(this, visit, progress);
  }

  /** `count` frames of run `i`, from its frame `within` on. @returns whether all of them could be read */
  #readRun(into: Block, i: number, within: number, count: number, quietly: boolean): boolean {
    const t = this.#table;
    const first = t.first[i]! + within;
    const from = into.count * pageBytes;
    const offset = t.fileOffset[i]! + within * pageBytes;
    const bytes = this.#source.read(offset, into.bytes.subarray(from, from + count * pageBytes));
    const whole = Math.floor(bytes / pageBytes);
    for (let k = 0; k < whole; k++) into.frames[into.count++] = first + k;
    let isWhole = true;
    for (let k = whole; k < count; k++) {
      const m = (first + k) as Mfn;
      if (!put(into, m, this.#load(m, quietly))) isWhole = false;
    }
    return isWhole;
  }

  #load(m: Mfn, quietly = false): Uint32Array | undefined {
    const offset = this.#table.offsetOf(m);
    if (offset < 0) return this.#assemble(m, quietly);
    const bytes = new Uint8Array(pageBytes);
    const held = this.#source.read(offset, bytes);
    if (held < pageBytes) return this.#short(offset + held, quietly);
    return new Uint32Array(bytes.buffer);
  }

  #assemble(m: Mfn, quietly: boolean): Uint32Array | undefined {
    const shared = this.#table.partial.get(m);
    if (shared === undefined) return undefined;
    const bytes = new Uint8Array(pageBytes);
    for (const p of shared) {
      const at = p.address - m * pageBytes;
      const held = this.#source.read(p.fileOffset, bytes.subarray(at, at + p.bytes));
      if (held < p.bytes) return this.#short(p.fileOffset + held, quietly);
    }
    return new Uint32Array(bytes.buffer);
  }

  /** The source gave fewer bytes than its own length promised: a flattened dump that was cut, a file that shrank. */
  #short(offset: number, quietly: boolean): undefined {
    if (quietly || this.#shortAt.has(offset) || this.#shortAt.size > 1000) return;
    this.#shortAt.add(offset);
    this.#warnings.add(`offset ${hex(offset)}`, "expected a frame of memory, found less; it is left out");
  }
}

/** Add a frame to a block. @returns false when there is none */
function put(into: Block, m: Mfn, words: Uint32Array | undefined): boolean {
  if (words === undefined) return false;
  into.bytes.set(new Uint8Array(words.buffer), into.count * pageBytes);
  into.frames[into.count++] = m;
  return true;
}
