/** Who tests all frames of a block at once: a WebAssembly kernel where one can be had, else plain code. */
import type { Block } from "../../../read/image/block.js";
import type { WantedFrames } from "./wanted.js";

export interface BlockTester {
  /** Filled by whoever reads, before each test. */
  readonly block: Block;
  /** The words of each of its frames. */
  readonly words: readonly Uint32Array[];
  /** @returns the marks of each frame of the block, valid until the next call */
  mark(names: boolean): Uint8Array;
  /**
   * 64-bit words of the block whose bits 11:0 are zero and whose bits 29:12 are wanted, two numbers each: lower and upper
   * half. The block is of no use afterwards.
   */
  pointers(wanted: WantedFrames): Uint32Array;
}
