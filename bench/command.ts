/** The command as a whole process, on a file, with its time and its memory. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const main = join(dirname(fileURLToPath(import.meta.url)), "../src/cli/main.js");
/** Prints the most memory the process ever had, in KiB, when it ends. */
const meter =
  "data:text/javascript,process.on('exit',()=>process.stderr.write('rss '+process.resourceUsage().maxRSS+' cpu '+(process.cpuUsage().user+process.cpuUsage().system)))";

export interface Run {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly mebibytes: number;
  readonly output: string;
}

export function runCommand(args: readonly string[]): Run {
  const begin = process.hrtime.bigint();
  const done = spawnSync(process.execPath, ["--import", meter, main, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  const wallSeconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const [, rss, cpu] = /rss (\d+) cpu (\d+)/.exec(done.stderr) ?? [];
  if (rss === undefined || cpu === undefined) throw new Error(`the command said: ${done.stderr}`);
  return { wallSeconds, cpuSeconds: Number(cpu) / 1e6, mebibytes: Number(rss) / 1024, output: done.stdout };
}
