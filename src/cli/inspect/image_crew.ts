/** Threads that help to read a large image: each opens it for itself, by the descriptor that is open already. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Share } from "../../audit/inspect/survey/blocks_job.js";
import type { Call, Crew } from "../../audit/inspect/survey/crew.js";
import type { ImageOptions } from "../../read/image/open_image.js";
import type { Input } from "../files/input.js";

/** What a thread is told. */
export interface Errand {
  readonly call: Call;
  readonly name: string;
  readonly fd: number;
  readonly size: number;
  readonly options: ImageOptions;
}

/** A thread takes as long to start as one that runs already takes to read this much. */
const worthBytes = 2 ** 29;
/** More threads than this find memory no faster. */
const threadsMax = 4;

/** @returns null where help would come too late, or there is no other processor. */
export function imageCrew({ name, fd, size }: Input, options: ImageOptions): Crew | null {
  const helpers = Math.min(availableParallelism(), threadsMax) - 1;
  if (fd === undefined || size < worthBytes || helpers < 1) return null;
  return {
    async call(call) {
      const errand = { call, name, fd, size, options };
      const shares = await Promise.all(Array.from({ length: helpers }, () => run(errand)));
      return shares.flatMap((s) => s ?? []);
    },
  };
}

/** @returns null when the thread failed. */
function run(errand: Errand): Promise<Share<unknown> | null> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL("./image_crew_thread.js", import.meta.url), { workerData: errand });
    thread.once("message", resolve);
    thread.once("error", () => resolve(null));
    thread.once("exit", () => resolve(null));
  });
}
