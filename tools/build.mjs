/**
 * Compile the library with its modules of WebAssembly, the tests and the benchmarks into dist/, and the pages of the HTML
 * reports beside them.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileWasm } from "./wasm.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = (name) => join(root, "node_modules/.bin", name);
const run = (command, args) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit" });
    child.once("exit", (code) => (code === 0 ? resolve() : process.exit(code ?? 1)));
  });

/** The compiler in native code, which takes a third of the time, where there is one for this platform. */
const native = existsSync(join(root, `node_modules/@typescript/typescript-${process.platform}-${process.arch}`));
const tsc = join(root, "node_modules", native ? "typescript-native" : "typescript", "bin/tsc");

await compileWasm(root);
// Pages are made of sources, not of what is compiled: a second core makes them meanwhile.
const pages = (async () => {
  for (const page of ["web/recording", "web/inspect", "web/machine"])
    await run(bin("vite"), ["build", page, "--logLevel", "warn"]);
})();
await Promise.all([run(process.execPath, [tsc, "-p", "tsconfig.json"]), pages]);
const { removeStale } = await import(pathToFileURL(join(root, "dist/tools/stale.js")).href);
removeStale(root);
const { pageOf } = await import(pathToFileURL(join(root, "dist/tools/page.js")).href);
const built = ["recording", "inspect", "machine"].map((name) => {
  const part = (ending) => readFileSync(join(root, `dist/web/${name}/${name}.${ending}`), "utf8");
  return `export const ${name} = ${JSON.stringify(pageOf({ script: part("js"), style: part("css") }))};\n`;
});
writeFileSync(join(root, "dist/web/pages.js"), built.join(""));
const main = join(root, "dist/src/cli/main.js");
if (existsSync(main)) chmodSync(main, 0o755);
