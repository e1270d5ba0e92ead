/** A question put to all of an image: by this thread alone, or together with others. */
import { atOnce, type Paced } from "../../../base/paced.js";
import type { InBlocks } from "../../../read/image/block.js";
import { type NextBlock, type Share, type Task, Worker } from "./blocks_job.js";
import { pointersTask } from "./pointers.js";
import { surveyTask } from "./survey_task.js";

/** What another thread is told: plain data, and shared memory. */
export interface Call {
  readonly task: string;
  readonly input: unknown;
  readonly next: NextBlock;
}

/** Other threads that can read the same image: `worker_threads` on the command line, Workers of a page elsewhere. */
export interface Crew {
  /**
   * Have each of them call `answer` with its own view of the image.
   * @returns their answers. One that fails is left out: what it took is read again.
   */
  call(call: Call): Promise<readonly Share<unknown>[]>;
}

export interface Together {
  readonly crew?: Crew | null | undefined;
  /** Is told the share done, 0 to 1. */
  readonly progress?: ((share: number) => void) | undefined;
  /** Called after each few blocks: what it returns is waited for, so that whoever else runs on this thread has a turn. */
  readonly breath?: (() => Promise<void> | undefined) | undefined;
}

const tasks: readonly Task<never, unknown>[] = [surveyTask, pointersTask];

/** What another thread of a crew does when it is called. */
export function answer(image: InBlocks, { task, input, next }: Call): Share<unknown> {
  const worker = new Worker(image, tasks.find((t) => t.name === task)!.begin(input as never));
  while (worker.step(next) < 1);
  return worker.share;
}

/** Ask all of an image; this thread takes part. */
export async function askTogether<Input, Found>(
  image: InBlocks,
  task: Task<Input, Found>,
  input: Input,
  { crew, progress, breath }: Together = {},
): Promise<Found> {
  const next = new Int32Array(crew == null ? new ArrayBuffer(4) : new SharedArrayBuffer(4));
  const called = crew?.call({ task: task.name, input, next }).catch(() => []);
  const own = new Worker(image, task.begin(input));
  let others: readonly Share<unknown>[] = [];
  try {
    for (let taken = 0; taken < 1; ) {
      taken = own.step(next);
      progress?.(taken);
      await breath?.();
    }
  } finally {
    // Nobody reads any more once this has ended, however it ended.
    others = (await called) ?? [];
  }
  return together(image, task, input, [own.share, ...(others as readonly Share<Found>[])]);
}

/** The same at once, by this thread. */
export function askAlone<Input, Found>(
  image: InBlocks,
  task: Task<Input, Found>,
  input: Input,
  progress?: (share: number) => void,
): Found {
  return atOnce(asking(image, task, input), progress);
}

/** The same, with a stop after each few blocks. */
export function* asking<Input, Found>(image: InBlocks, task: Task<Input, Found>, input: Input): Paced<Found> {
  const next = new Int32Array(1);
  const own = new Worker(image, task.begin(input));
  for (let taken = 0; taken < 1; yield taken) taken = own.step(next);
  return together(image, task, input, [own.share]);
}

function together<Input, Found>(
  image: InBlocks,
  task: Task<Input, Found>,
  input: Input,
  shares: readonly Share<Found>[],
): Found {
  const done = new Set(shares.flatMap((s) => s.done));
  const parts = shares.map((s) => s.found);
  if (done.size < image.blockCount) {
    const rest = new Worker(image, task.begin(input));
    for (let n = 0; n < image.blockCount; n++) if (!done.has(n)) rest.take(n, false);
    parts.push(rest.share.found);
  }
  return task.merge(parts);
}
