/** Compile the library, the tests and the benchmarks into dist/, and the pages of the HTML reports beside them. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = (name) => join(root, "node_modules/.bin", name);
const run = (command, args) => {
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (done.status !== 0) process.exit(done.status ?? 1);
};

run(bin("tsc"), ["-p", "tsconfig.json"]);
for (const page of ["web", "web/inspect"]) {
  if (existsSync(join(root, page, "vite.config.js"))) run(bin("vite"), ["build", page, "--logLevel", "warn"]);
}
const main = join(root, "dist/src/cli/main.js");
if (existsSync(main)) chmodSync(main, 0o755);
