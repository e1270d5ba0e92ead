/**
 * The tests on what the build compiled, with `DMALAB_COMPILED=1`, as `npm test` asks for after it has built: `src/` is then
 * loaded by Node itself out of `dist/`, which takes a third of the time that it takes to transform each source and to call
 * through what that makes of an import. Without it (`npx vitest`), sources are tested as they stand.
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src/");

export const compiled: Plugin = {
  name: "compiled",
  enforce: "pre",
  resolveId(specifier, importer) {
    if (!specifier.startsWith(".") || importer === undefined) return undefined;
    const path = resolve(dirname(importer), specifier);
    return path.startsWith(source) ? join(root, "dist", path.slice(root.length)) : undefined;
  },
};
