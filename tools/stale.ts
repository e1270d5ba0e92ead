/** Outputs whose sources were moved or deleted: compilers leave them, and a package would hold them. */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/**
 * Remove from dist/ what has no source any more, and the folders that are empty then.
 * @param root the package's folder
 * @returns the files that were removed, from `root` on
 */
export function removeStale(root: string): string[] {
  const removed = ["dist", "src/base/wasm"].flatMap((folder) =>
    filesIn(join(root, folder)).filter((file) => {
      const source = sourceOf(relative(root, file).split(sep).join("/"));
      if (source === null || (source !== "" && existsSync(join(root, source)))) return false;
      rmSync(file);
      for (let at = dirname(file); readdirSync(at).length === 0; at = dirname(at)) rmdirSync(at);
      return true;
    }),
  );
  return removed.map((file) => relative(root, file).split(sep).join("/")).sort();
}

/** @returns null for what is made of several files, or by nobody known here; "" for what nobody makes any more. */
function sourceOf(path: string): string | null {
  if (path === "dist/web/pages.js") return null;
  if (path.endsWith(".js.map")) return "";
  const module =
    /^dist\/wasm\/(\w+)\.wasm$/.exec(path) ?? /^(?:dist\/)?src\/base\/wasm\/(\w+)(?:\.d)?\.[jt]s$/.exec(path);
  if (module !== null) return `wasm/${module[1]}.ts`;
  const page = /^dist\/(web\/(\w+))\/\2\.(?:js|css)$/.exec(path);
  if (page !== null) return page[1]!;
  const compiled = /^dist\/(.+?)(?:\.d)?\.[jt]s$/.exec(path);
  return compiled === null ? null : `${compiled[1]}.ts`;
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}
