/** The package as its readers get it: packed, and installed into an empty folder. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function run(cwd: string, script: string, env: Readonly<Record<string, string>> = {}): Ran {
  const done = spawnSync("bash", ["-o", "pipefail", "-c", script], {
    ...{ cwd, encoding: "utf8", timeout: 300_000, maxBuffer: 2 ** 28 },
    env: { ...process.env, LC_ALL: "C.UTF-8", ...env },
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/**
 * Pack what the tests' build has made, and install it.
 * @param folder an empty one
 * @returns the project that it is installed into, and the paths of the packed files
 */
export function installPackage(folder: string): { readonly home: string; readonly files: readonly string[] } {
  const packed = must(run(process.cwd(), `npm pack --json --ignore-scripts --silent --pack-destination ${folder}`));
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  const home = join(folder, "home");
  mkdirSync(home);
  must(run(home, `npm install --silent --no-audit --no-fund ${join(folder, filename)}`));
  return { home, files: files.map(({ path }) => path) };
}

function must({ code, out, err }: Ran): string {
  if (code !== 0) throw new Error(`${out}${err}`);
  return out;
}
