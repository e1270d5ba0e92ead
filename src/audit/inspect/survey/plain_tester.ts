/** Every frame of a block tested by plain code: what the kernel is held against, and what is used where there is none. */
import { newBlock, wordsOf } from "../../../read/image/block.js";
import type { BlockTester } from "./block_tester.js";
import { marksOf } from "./marks.js";
import { isWanted, type WantedFrames } from "./wanted.js";

export class PlainTester implements BlockTester {
  readonly block = newBlock();
  readonly words = wordsOf(this.block);
  readonly #marks = new Uint8Array(this.words.length);

  mark(names: boolean): Uint8Array {
    for (let i = 0; i < this.block.count; i++) this.#marks[i] = marksOf(this.words[i]!, names);
    return this.#marks;
  }

  pointers(wanted: WantedFrames): Uint32Array {
    const words = new Uint32Array(this.block.bytes.buffer);
    const end = this.block.count * 1024;
    let to = 0;
    for (let w = 0; w < end; w += 2) {
      const low = words[w]!;
      if ((low & 0xfff) !== 0 || low === 0 || !isWanted(wanted, low)) continue;
      words[to++] = low;
      words[to++] = words[w + 1]!;
    }
    return words.subarray(0, to);
  }
}
