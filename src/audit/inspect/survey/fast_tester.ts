/** The kernel of `wasm/image_frames.ts`, and the memory in which it finds frames and leaves its answers. */
import { frameBytes } from "../../../base/frame.js";
import { imageFrames } from "../../../base/wasm/image_frames.js";
import { startWasm, type WasmGlobal } from "../../../base/wasm.js";
import { type Block, blockFrames, newBlock, wordsOf } from "../../../read/image/block.js";
import type { BlockTester } from "./block_tester.js";
import { firstWords, namedWords } from "./marks.js";
import { type WantedFrames, wantedBytes } from "./wanted.js";

const pageBytes = frameBytes;

interface Exports {
  readonly blockAt: WasmGlobal;
  readonly marksAt: WasmGlobal;
  readonly namesAt: WasmGlobal;
  readonly firstsAt: WasmGlobal;
  readonly wantedAt: WasmGlobal;
  mark(count: number, names: number, least: number, width: number, firsts: number): void;
  pointers(count: number): number;
}

/** Bounds of the bytes of all words that are looked for everywhere: what the kernel's cheap test goes by. */
const letters = namedWords.flatMap((w) => [w & 255, (w >>> 8) & 255, (w >>> 16) & 255, w >>> 24]);
const least = Math.min(...letters);
const width = Math.max(...letters) - least;

/** More than the kernel takes. */
const memoryBytes = 18 * 65536;

export class FastTester implements BlockTester {
  readonly block: Block;
  readonly words: readonly Uint32Array[];
  readonly #kernel: Exports;
  readonly #memory: ArrayBuffer;
  readonly #marks: Uint8Array;
  readonly #wanted: Uint8Array;

  private constructor(kernel: Exports, memory: ArrayBuffer) {
    const part = (from: WasmGlobal, bytes: number) => new Uint8Array(memory, from.value, bytes);
    this.#kernel = kernel;
    this.#memory = memory;
    this.block = newBlock(part(kernel.blockAt, blockFrames * pageBytes));
    this.words = wordsOf(this.block);
    this.#marks = part(kernel.marksAt, blockFrames);
    this.#wanted = part(kernel.wantedAt, wantedBytes);
    new Uint32Array(memory, kernel.namesAt.value).set(namedWords);
    new Uint32Array(memory, kernel.firstsAt.value).set(firstWords);
  }

  /** @returns null where WebAssembly is not to be had, not allowed (a page's policy) or has no SIMD. */
  static open(): FastTester | null {
    const started = startWasm<Exports>(imageFrames, memoryBytes);
    return started === null ? null : new FastTester(started.exports, started.memory.buffer);
  }

  mark(names: boolean): Uint8Array {
    this.#kernel.mark(this.block.count, names ? namedWords.length : 0, least, width, firstWords.length);
    return this.#marks;
  }

  pointers(wanted: WantedFrames): Uint32Array {
    this.#wanted.set(wanted);
    const count = this.#kernel.pointers(this.block.count);
    return new Uint32Array(this.#memory, this.#kernel.blockAt.value, count * 2);
  }
}
