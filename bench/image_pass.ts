/** One look at a memory image, for `image.ts` to run as a process of its own: prints what it took. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { settleCompiler } from "../src/cli/settle_compiler.js";
import { type ByteSource, type ImageOptions, openImage } from "../src/read/index.js";

/** Which frames are read one by one, and whether all are in a row after that. */
export interface How {
  frames: number;
  every: number;
  each: boolean;
}

export interface Look {
  openMilliseconds: number;
  /** A frame that was read before, and one that was not; the latter from files in the page cache. */
  hitNanoseconds: number;
  missMicroseconds: number;
  /** All frames in a row, and how many of them were not zero; 0 when they were not read. */
  eachSeconds: number;
  visited: number;
  peakMebibytes: number;
}

async function look(source: ByteSource, options: ImageOptions, o: How): Promise<Look> {
  const begin = performance.now();
  const image = await openImage(source, options);
  const opened = performance.now();
  let sum = 0;
  for (let n = 0; n < o.frames; n++) sum += image.frame((n * o.every) as never)![5]!;
  const missed = performance.now();
  const hits = 5_000_000;
  const kept = Math.min(256, o.frames);
  for (let n = 0; n < hits; n++) sum += image.frame(((n % kept) * o.every) as never)![7]!;
  const hit = performance.now();
  let visited = 0;
  if (o.each) {
    image.each((_, words) => {
      visited++;
      sum += words[9]!;
    });
  }
  const done = performance.now();
  if (Number.isNaN(sum)) throw new Error("unreachable: words are numbers");
  return {
    openMilliseconds: opened - begin,
    missMicroseconds: ((missed - opened) * 1e3) / o.frames,
    hitNanoseconds: ((hit - missed) * 1e6) / hits,
    eachSeconds: (done - hit) / 1e3,
    visited,
    peakMebibytes: process.resourceUsage().maxRSS / 1024,
  };
}

const [, script, path, options, how] = process.argv;
if (path !== undefined && import.meta.url === pathToFileURL(script!).href) {
  const fd = openSync(path, "r");
  const source: ByteSource = {
    name: path,
    size: fstatSync(fd).size,
    read: (offset, into) => readSync(fd, into, 0, into.length, offset),
  };
  const found = await look(source, JSON.parse(options!) as ImageOptions, JSON.parse(how!) as How);
  console.log(JSON.stringify(found));
  closeSync(fd);
  settleCompiler();
}
