/**
 * What is done with every block of an image, by one thread or by several that share the blocks out among themselves.
 *
 * Threads take blocks in ascending order, a few at a time, from one counter. What each found is plain data, so that it can be
 * sent. A block that could not be read whole is left over: whoever began reads those alone, so that warnings come in one order.
 */
import type { InBlocks } from "../../../read/image/block.js";
import type { BlockTester } from "./block_tester.js";
import { FastTester } from "./fast_tester.js";
import { PlainTester } from "./plain_tester.js";

/** What is looked for in the blocks that one thread takes, which ascend. */
export interface Job<Found> {
  /** Look at what the tester's block holds. */
  take(tester: BlockTester): void;
  /** What was found so far: plain data. */
  readonly found: Found;
}

/** A question to all of an image. */
export interface Task<Input, Found> {
  readonly name: string;
  /** @param input plain data, the same for every thread */
  begin(input: Input): Job<Found>;
  /** What all threads have found, in whichever order, as if one had. */
  merge(parts: readonly Found[]): Found;
}

/** What one thread has done: plain data. */
export interface Share<Found> {
  readonly found: Found;
  /** Blocks that were read whole. */
  readonly done: readonly number[];
}

/** The first block that nobody has taken: one number, in shared memory where there are several threads. */
export type NextBlock = Int32Array;

/** Blocks taken at once: neighbours are quicker to read, and where pages are packed one reading serves several. */
const takenAtOnce = 8;

/** One thread at work. */
export class Worker<Found> {
  readonly #image: InBlocks;
  readonly #job: Job<Found>;
  readonly #tester: BlockTester;
  readonly #done: number[] = [];

  /** @param tester what tests the blocks; a WebAssembly kernel unless given, where there is one */
  constructor(image: InBlocks, job: Job<Found>, tester: BlockTester = FastTester.open() ?? new PlainTester()) {
    this.#image = image;
    this.#job = job;
    this.#tester = tester;
  }

  get share(): Share<Found> {
    return { found: this.#job.found, done: this.#done };
  }

  /** Take a few blocks. @returns the share of all blocks that is taken now; 1 when none was left. */
  step(next: NextBlock): number {
    const { blockCount } = this.#image;
    const from = Atomics.add(next, 0, takenAtOnce);
    const to = Math.min(from + takenAtOnce, blockCount);
    for (let n = from; n < to; n++) this.take(n, true);
    return from >= blockCount ? 1 : to / (blockCount + 1);
  }

  /** @param quietly leave the block over, without a warning, when it cannot be read whole */
  take(n: number, quietly: boolean): void {
    if (!this.#image.readBlock(n, this.#tester.block, quietly) && quietly) return;
    this.#job.take(this.#tester);
    this.#done.push(n);
  }
}
