/** One pass over a trace.dat file, for `trace_dat.ts` to run as a process of its own: prints events and milliseconds. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type ByteSource, EventBatch, openTraceDat } from "../src/read/index.js";

export interface Pass {
  events: number;
  /** From opening the file to the last event, in milliseconds. */
  milliseconds: number;
  /** Sum of all sizes, so that the columns are read. */
  bytes: number;
}

export async function onePass(path: string): Promise<Pass> {
  const begin = performance.now();
  const file = openSync(path, "r");
  const source: ByteSource = {
    name: path,
    size: fstatSync(file).size,
    read: (offset, into) => readSync(file, into, 0, into.length, offset),
  };
  const events = await openTraceDat(source);
  const batch = new EventBatch();
  let count = 0;
  let bytes = 0;
  while (events.next(batch)) {
    count += batch.count;
    for (let i = 0; i < batch.count; i++) bytes += Math.max(batch.size[i]!, 0);
  }
  closeSync(file);
  return { events: count, milliseconds: performance.now() - begin, bytes };
}

const [, script, path] = process.argv;
if (path !== undefined && import.meta.url === pathToFileURL(script!).href)
  console.log(JSON.stringify(await onePass(path)));
