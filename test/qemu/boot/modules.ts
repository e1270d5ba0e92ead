/** Kernel modules of an unpacked kernel package, in the order in which they load. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface Module {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The modules named in `wanted` with all that they need, each once, needed ones first. A name that the kernel does
 * not have as a module (built in, or of another version) is left out.
 * @param folder lib/modules/VERSION of the package; its modules.dep is made with depmod when it is missing
 */
export function modulesInOrder(folder: string, wanted: readonly string[]): Module[] {
  if (!existsSync(join(folder, "modules.dep"))) {
    execFileSync("depmod", ["-b", dirname(dirname(dirname(folder))), basename(folder)], { stdio: "ignore" });
  }
  const needs = new Map<string, string[]>();
  for (const line of readFileSync(join(folder, "modules.dep"), "utf8").split("\n")) {
    const [path, rest] = line.split(":");
    if (path !== undefined && rest !== undefined) needs.set(path, rest.trim().split(" ").filter(Boolean));
  }
  const paths = new Map([...needs.keys()].map((path) => [nameOf(path), path]));
  const ordered = new Set<string>();
  const visit = (path: string) => {
    if (ordered.has(path)) return;
    for (const needed of needs.get(path) ?? []) visit(needed);
    ordered.add(path);
  };
  for (const name of wanted) {
    const path = paths.get(name.replaceAll("-", "_"));
    if (path !== undefined) visit(path);
  }
  return [...ordered].map((path) => ({ name: nameOf(path), bytes: unpacked(join(folder, path)) }));
}

/** The one version in a package's lib/modules. */
export function modulesFolder(packageFolder: string): string {
  const parent = [join(packageFolder, "lib/modules"), join(packageFolder, "usr/lib/modules")].find(existsSync);
  if (parent === undefined) throw new Error(`${packageFolder} holds no lib/modules`);
  return join(parent, readdirSync(parent)[0]!);
}

const nameOf = (path: string) =>
  basename(path)
    .replace(/\.ko(\.xz|\.zst)?$/, "")
    .replaceAll("-", "_");

function unpacked(path: string): Uint8Array {
  if (path.endsWith(".xz")) return execFileSync("xz", ["-dc", path], { maxBuffer: 2 ** 28 });
  if (path.endsWith(".zst")) return execFileSync("zstd", ["-dc", path], { maxBuffer: 2 ** 28 });
  return readFileSync(path);
}
