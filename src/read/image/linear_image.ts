/** Images that hold memory as it is: ELF cores, LiME, raw files. */
import type { Mfn } from "../../base/frame.js";
import type { ByteSource } from "../bytes.js";
import type { Warning, Warnings } from "../unreadable.js";
import { hex } from "./bytes_at.js";
import { FrameCache } from "./frame_cache.js";
import { FrameTable } from "./frame_table.js";
import type { FrameRun, Image, ImageFormat } from "./image.js";
import { heldPieces, type Piece } from "./piece.js";
import { isZero } from "./zeros.js";

const frameBytes = 4096;
/** Read at once by `each`: 1 MiB. */
const blockFrames = 256;

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

  each(visit: (m: Mfn, words: Uint32Array) => void, progress?: (share: number) => void): void {
    const t = this.#table;
    const block = new Uint8Array(blockFrames * frameBytes);
    const views = Array.from({ length: blockFrames }, (_, i) => new Uint32Array(block.buffer, i * frameBytes, 1024));
    const total = t.runs.reduce((sum, r) => sum + r.frameCount, 0);
    let done = 0;
    let p = 0;
    const partialsBefore = (m: number) => {
      for (; p < t.partialFrames.length && t.partialFrames[p]! < m; p++, done++) {
        const shared = t.partialFrames[p]! as Mfn;
        const words = this.#load(shared);
        if (words !== undefined && !isZero(words)) visit(shared, words);
      }
    };
    for (let i = 0; i < t.first.length; i++) {
      partialsBefore(t.first[i]!);
      for (let k = 0; k < t.frameCount[i]!; k += blockFrames) {
        const count = Math.min(blockFrames, t.frameCount[i]! - k);
        const from = t.fileOffset[i]! + k * frameBytes;
        const held = this.#source.read(from, block.subarray(0, count * frameBytes));
        for (let j = 0; j < Math.floor(held / frameBytes); j++) {
          const words = views[j]!;
          if (!isZero(words)) visit((t.first[i]! + k + j) as Mfn, words);
        }
        for (let j = Math.floor(held / frameBytes); j < count; j++) {
          const m = (t.first[i]! + k + j) as Mfn;
          const words = this.#load(m);
          if (words !== undefined && !isZero(words)) visit(m, words);
        }
        done += count;
        progress?.(done / total);
      }
    }
    partialsBefore(Number.POSITIVE_INFINITY);
    progress?.(1);
  }

  #load(m: Mfn): Uint32Array | undefined {
    const offset = this.#table.offsetOf(m);
    if (offset < 0) return this.#assemble(m);
    const bytes = new Uint8Array(frameBytes);
    const held = this.#source.read(offset, bytes);
    if (held < frameBytes) return this.#short(offset + held);
    return new Uint32Array(bytes.buffer);
  }

  #assemble(m: Mfn): Uint32Array | undefined {
    const shared = this.#table.partial.get(m);
    if (shared === undefined) return undefined;
    const bytes = new Uint8Array(frameBytes);
    for (const p of shared) {
      const at = p.address - m * frameBytes;
      const held = this.#source.read(p.fileOffset, bytes.subarray(at, at + p.bytes));
      if (held < p.bytes) return this.#short(p.fileOffset + held);
    }
    return new Uint32Array(bytes.buffer);
  }

  /** The source gave fewer bytes than its own length promised: a flattened dump that was cut, a file that shrank. */
  #short(offset: number): undefined {
    if (this.#shortAt.has(offset) || this.#shortAt.size > 1000) return;
    this.#shortAt.add(offset);
    this.#warnings.add(`offset ${hex(offset)}`, "expected a frame of memory, found less; it is left out");
  }
}
