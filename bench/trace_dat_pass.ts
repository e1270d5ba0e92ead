/** One pass over a trace.dat file, for `trace_dat.ts` to run as a process of its own: prints events and milliseconds. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { settleCompiler } from "../src/cli/settle_compiler.js";
import { memorySource, openTraceDat } from "../src/read/index.js";

export interface Pass {
  events: number;
  /** From the file's bytes in memory to the last event's columns, in milliseconds. */
  milliseconds: number;
  /** Sum of all sizes, so that the columns are read. */
  bytes: number;
}

export async function onePass(file: Uint8Array): Promise<Pass> {
  const begin = performance.now();
  const events = await openTraceDat(memorySource("bench", file));
  const { batch } = events;
  let count = 0;
  let bytes = 0;
  while (events.next(batch)) {
    count += batch.count;
    for (let i = 0; i < batch.count; i++) bytes += batch.size[i]! || 0;
  }
  return { events: count, milliseconds: performance.now() - begin, bytes };
}

const [, script, path] = process.argv;
if (path !== undefined && import.meta.url === pathToFileURL(script!).href) {
  console.log(JSON.stringify(await onePass(readFileSync(path))));
  settleCompiler();
}
