/** Parts of an image that are read at once, in any order: small enough to stay in a processor's cache while looked at. */
import { frameBytes, type Mfn } from "../../base/frame.js";
import { isZero } from "./zeros.js";

const pageBytes = frameBytes;
/** Frames of a block at most: 1 MiB, which is half of what a core of today keeps near it. */
export const blockFrames = 256;

export interface Block {
  /** Room for `blockFrames` frames, one after another. */
  readonly bytes: Uint8Array;
  /** The number of each frame, ascending. */
  readonly frames: Float64Array;
  /** How many frames it holds. */
  count: number;
}

/** Memory that can be read block by block. Every held frame is in one block; a block's frames come before the next one's. */
export interface InBlocks {
  readonly blockCount: number;
  /**
   * Read a block. Frames known to be all zeros may be left out.
   * @param quietly do not warn of frames that cannot be read
   * @returns false when there were such frames, which are left out.
   */
  readBlock(n: number, into: Block, quietly?: boolean): boolean;
}

/** @param bytes where its frames will lie: `blockFrames` of them, aligned to a word */
export function newBlock(bytes = new Uint8Array(blockFrames * pageBytes)): Block {
  return { bytes, frames: new Float64Array(blockFrames), count: 0 };
}

/** The words of each frame of a block. */
export function wordsOf({ bytes }: Block): Uint32Array[] {
  return Array.from(
    { length: blockFrames },
    (_, i) => new Uint32Array(bytes.buffer, bytes.byteOffset + i * pageBytes, pageBytes / 4),
  );
}

/** What `Image.each` does. */
export function visitFrames(
  image: InBlocks,
  visit: (m: Mfn, words: Uint32Array) => void,
  progress?: (share: number) => void,
): void {
  const block = newBlock();
  const views = wordsOf(block);
  for (let n = 0; n < image.blockCount; n++) {
    image.readBlock(n, block);
    for (let i = 0; i < block.count; i++) {
      const words = views[i]!;
      if (!isZero(words)) visit(block.frames[i]! as Mfn, words);
    }
    progress?.((n + 1) / image.blockCount);
  }
  progress?.(1);
}
